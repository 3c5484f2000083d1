// Command starter is Pitwall's command line: it starts evals and campaigns, watches them, and reads what they left.
//
// One file holds one subcommand. The rules of the whole:
//
//   - Data goes to stdout; progress and hints go to stderr, and progress only when that is a terminal. -o json gives one
//     JSON document (for lists an array) whose keys are stable.
//   - Exit codes: 0 passed; 1 the job or the gate failed; 2 infrastructure, or inconclusive; 3 wrong use or invalid
//     input; 130 after Ctrl-C.
//   - An error says what is wrong, where, and what to do. It is printed once, by main; there are no stack traces.
//   - What came out of a sandbox is hostile: on a terminal its control characters are shown, not sent.
package main
