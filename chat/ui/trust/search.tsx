import { Empty } from '../base/ui';

export function SearchView() {
	return <div class="view"><Empty title="SearchView" /></div>;
}
