// Package knownanswers runs campaigns whose results are known beforehand through the command line, as a user would:
// HumanEval's canonical solutions pass 164 of 164, bodies of `pass` none, and its example samples 3 of 6. The data is
// found in the folder that PITWALL_TEST_DATA names.
package knownanswers
