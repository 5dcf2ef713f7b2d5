// What the tests of the conversation share: a house with a handbook, and what a person does on the page.
import { startHouse } from './browser.mjs';

export const HANDBOOK = {
	'travel.md': '# Travel policy\n\n## Hotels\n\nA hotel room in Milan may cost at most 175 EUR per night. A dearer room needs the approval of the head of department.\n\n## Own car\n\nUsing your own car is paid with 0.43 EUR per kilometre.\n',
	'leave.md': '# Leave policy\n\nEvery employee has 30 days of annual leave. Up to six days of annual leave may be carried over into the next year.\n',
};
export const MILAN = 'What may a hotel room in Milan cost per night?';
export const LEAVE = 'How many days of annual leave does an employee have?';

export const startTalk = (script, settings = {}) => startHouse({ model: { mode: 'script', script }, documents: HANDBOOK, settings });

export const composer = (page) => page.getByLabel('Your question');
export const answers = (page) => page.locator('.turn .answer');
export const lastAnswer = (page) => page.locator('.turn').last().locator('.answer');

export async function write(page, text) {
	await composer(page).fill(text);
	await composer(page).press('Enter', { noWaitAfter: true });
}

/** Asks, and waits until the answer is complete. */
export async function askOnPage(page, text) {
	const before = await page.locator('.turn[data-seq]').count();
	await write(page, text);
	await page.locator('.turn[data-seq]').nth(before).locator('.answer-foot').waitFor();
}

/** Waits until the page says so. */
export const soon = (page, check, argument, timeout = 10000) => page.waitForFunction(check, argument, { timeout });

/** Text in a question or an answer (what is read out says it too). */
export const inTurn = (page, text) => page.locator('.turn').getByText(text).first();
