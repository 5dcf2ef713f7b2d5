/* The words of six topics, of which notes are made. */
#ifndef TESTS_UNIT_INDEX_TOPICS_H
#define TESTS_UNIT_INDEX_TOPICS_H

#define N_TOPICS 6

static const char *const topics[N_TOPICS][8] = {
	{"harbour", "vessel", "anchor", "pilot", "cargo", "tide", "quay", "crane"},
	{"payroll", "salary", "bonus", "pension", "wage", "overtime", "grade", "deduction"},
	{"battery", "voltage", "charger", "electrode", "lithium", "current", "cell", "fuse"},
	{"vineyard", "grape", "cask", "harvest", "cellar", "vintage", "cork", "tannin"},
	{"glacier", "moraine", "crevasse", "snow", "summit", "ridge", "avalanche", "rope"},
	{"theatre", "actor", "curtain", "script", "stage", "rehearsal", "audience", "costume"},
};

#endif
