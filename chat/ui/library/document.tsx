import { Empty } from '../base/ui';

export function DocumentView() {
	return <div class="view"><Empty title="DocumentView" /></div>;
}
