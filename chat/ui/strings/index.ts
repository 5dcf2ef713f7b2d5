// The one table of the page's texts, by area; each row is [English, Chinese, German].
import { account } from './account';
import { admin } from './admin';
import { base } from './base';
import { chat } from './chat';
import { library } from './library';
import { settings } from './settings';
import { trust } from './trust';
import { where } from './where';

export type Texts = Record<string, readonly [string, string, string]>;
export const table: Texts = { ...base, ...where, ...account, ...chat, ...trust, ...library, ...admin, ...settings };
