// Stands for the package "linkify-it" in the page (build.mjs): markdown-it makes one, and we never ask it anything.
export class LinkifyIt {}
