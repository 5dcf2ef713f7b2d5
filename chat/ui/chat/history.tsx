import { Empty } from '../base/ui';

export function History() {
	return <div class="view"><Empty title="History" /></div>;
}
