import { Empty } from '../base/ui';

export function LibraryView() {
	return <div class="view"><Empty title="LibraryView" /></div>;
}
