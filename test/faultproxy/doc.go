// Package faultproxy stands in front of a Daytona-compatible server and misbehaves as Daytona does in production: by rules (a
// script), by gates at which a call is held, and by cutting the network. It is for tests and for trying things by hand
// (`starter sandboxd --faults FILE`); nothing of the product goes through it otherwise.
//
// A call meets the first rule that takes it, and one fault. What a fault does to the connection it does to that call; what it
// does to a sandbox (a state shown, a delete that was accepted and not done) shows in every later call about it.
//
// "control" is create, get, list, delete, start and stop; "toolbox" is execute, upload, download, files and stream; "bodies"
// is all of both but start, stop and stream. "#n" is daytonaio/daytona#n; the others are read in the source of Daytona
// v0.190 and its SDKs, or seen with them.
//
//	fault                 calls         what happens                                             source
//	reset-before          all           connection reset, the server saw nothing                 stale keep-alive, daytona/clients#237
//	reset-after           all           done, then connection reset: the reply is lost           harbor-framework/harbor#2655
//	bad-gateway-before    all           502 page (or Status), the server saw nothing             gateway rollouts, vals-ai/Valkyrie#370
//	bad-gateway-after     all           done, then 502 page (or Status)                          harbor-framework/harbor#2282
//	late-request          all           reaches the server after Delay, whatever the client      n8n-io/n8n#35314: create slower than its
//	                                    does                                                     client's deadline
//	late-reply            all           done at once, answered after Delay                       POST /sandbox blocks up to 30 s
//	reset-then-late       create,       reset at once, reaches the server after Delay: also      benchflow-ai/benchflow#663: orphans
//	                      delete,       after whoever asked has ended
//	                      start, stop,
//	                      execute
//	server-error          control       500, nothing done                                        DELETE in starting: #2390, #4053
//	rate-limited          control       429, Retry-After-<throttler> of Delay (1 s)              @nestjs/throttler; kortix-ai/suna#4605
//	failed-to-start       create        made, then 400 "Sandbox failed to start"                 sandbox.controller: the row exists
//	quota                 create        400 "Total CPU limit exceeded"                           #3304
//	no-runners            create        400 "No available runners"                               #2523, #2855
//	state-pending         create, get,  shown as pending_build for Delay, or for life            #2771: unbounded queueing
//	                      start
//	state-creating        create, get,  shown as creating, the same                              #2390
//	                      start
//	state-error           create, get,  shown as error with an errorReason, the same             watchdog: "timeout while creating"
//	                      start
//	delete-conflict       delete        409 "Sandbox state change in progress"                   any transition under way
//	delete-not-found      delete        404 though a GET shows it                                first cleanup delete 404: #5137
//	delete-forbidden      delete        403                                                      harbor-framework/harbor#2166
//	delete-hidden         delete        200 with state error; then unknown to GET, lists and     delete of a sandbox in error: PR #2095
//	                                    toolbox, while it runs and holds its name; really
//	                                    deleted after Delay, without one never
//	delete-stuck          delete        200; then destroying by id, 404 by name, not listed      #3294
//	                                    (unless Listed), while it runs; really deleted after
//	                                    Delay, without one at Clear. Unlike there, its name
//	                                    stays taken
//	list-stale            list          as it was Delay (3 s) ago                                #5138
//	list-flapping         list          empty in each odd turn of the rule, stale in each even   #5138
//	bad-gateway-dead      toolbox       really deleted, then a bare 502 (or Status)              daemon out of memory: #5140
//	toolbox-unauthorized  toolbox       401 for a sandbox that lives                             negative results are cached for 5 s
//	toolbox-not-started   toolbox       400 "Is the Sandbox started?" for one that is            #4142
//	vanish                toolbox,      really deleted, then the call goes on                    #5137
//	                      get, delete,
//	                      start, stop
//	stream-cut            stream        ends after Bytes without a goodbye                       managoat/fountain#691, PR #3678
//	body-cut              bodies        ends after Bytes, and the connection with it; an         a mid-stream read error truncates
//	                                    upload's on its way to the server
//	slow-body             bodies        trickles, Bytes in each Delay; an upload's the same      #4750: clients that cut at 60 s
package faultproxy
