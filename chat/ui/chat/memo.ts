import { Component, h, type ComponentType, type FunctionComponent } from 'preact';

/** Renders again only when a property is another. */
export function memo<P extends object>(inner: FunctionComponent<P>): ComponentType<P> {
	return class extends Component<P> {
		override shouldComponentUpdate(next: Readonly<P>): boolean {
			const now = this.props as Record<string, unknown>;
			return Object.entries(next).some(([name, value]) => now[name] !== value);
		}
		render() {
			return h(inner, this.props as P & { key?: never });
		}
	};
}
