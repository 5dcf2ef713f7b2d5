import { Empty } from '../base/ui';

export function AdminView() {
	return <div class="view"><Empty title="AdminView" /></div>;
}
