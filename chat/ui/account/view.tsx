import { Empty } from '../base/ui';

export function AccountView() {
	return <div class="view"><Empty title="AccountView" /></div>;
}
