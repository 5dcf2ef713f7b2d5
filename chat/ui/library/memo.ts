// A component that is rendered again only when its properties changed (preact/compat's, without the rest of it).
import { Component, type ComponentType, createElement } from 'preact';

export function memo<P extends object>(of: ComponentType<P>): ComponentType<P> {
	return class extends Component<P> {
		override shouldComponentUpdate(next: Readonly<P>): boolean {
			const before = this.props as Record<string, unknown>, after = next as Record<string, unknown>;
			return Object.keys({ ...before, ...after }).some((key) => before[key] !== after[key]);
		}
		override render() {
			return createElement(of, this.props);
		}
	};
}
