// Package nets shows that each net under Pitwall's sandboxes catches what it is for, with the others switched off: the
// lease, the audit, the slot's name, the reaper, the provider's clock, the supervisor. The parts are real; each test says
// how it keeps the other nets from acting.
package nets
