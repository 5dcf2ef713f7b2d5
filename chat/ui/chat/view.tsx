import { Empty } from '../base/ui';

export function ChatView() {
	return <div class="view"><Empty title="ChatView" /></div>;
}
