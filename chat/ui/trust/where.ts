// How a place in a document is told.
export const headingPath = (heading: string | undefined): string => (heading ?? '').split(' > ').join(' › ');
