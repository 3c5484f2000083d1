// Package daytonatest is a server for tests that speaks enough of Daytona's v0 wire to hold a client to it: the control
// plane with its states, unique names and lists, and a toolbox whose files live in a temporary folder. It isolates
// nothing, and it runs no command itself: a test says what each one answers.
//
// Faults are scripted: each is matched by method and path, happens so many times, and then is over.
//
//	server := daytonatest.Start(t, daytonatest.Options{})
//	server.Fail(daytonatest.Fault{Method: "DELETE", Path: "/sandbox/", Times: 2, Do: daytonatest.Answer(409, "…")})
package daytonatest
