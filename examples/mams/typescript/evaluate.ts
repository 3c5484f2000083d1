import { Client, Connection } from "@temporalio/client";

// What is read here of an EvalResult; docs/spec.md has all of it.
interface EvalResult {
  status: "completed" | "error" | "cancelled";
  score?: { passed: boolean; value: number };
  job?: { steps: { name: string; stdout: { tail?: string } }[] };
  error?: { origin: string; type: string; message: string };
}

const connection = await Connection.connect({ address: process.env.TEMPORAL_ADDRESS ?? "127.0.0.1:7233" });
const client = new Client({ connection, namespace: process.env.TEMPORAL_NAMESPACE ?? "default" });

const handle = await client.workflow.start("EvalWorkflow", {
  workflowId: "mams/session-9/negotiation-3/1",
  taskQueue: "pitwall",
  args: [
    {
      kind: "evaluation",
      session_id: "session-9",
      negotiation_id: "negotiation-3",
      job: { steps: [{ name: "negotiate", code: "print('deal at 80')", language: "python", time_limit: "30s" }] },
      scorer: { type: "regex", pattern: "deal at \\d+" },
    },
  ],
});
const result = (await handle.result()) as EvalResult;
if (result.status === "completed") {
  console.log(result.score?.passed, result.job?.steps[0]?.stdout.tail);
} else {
  console.log(result.error?.origin, result.error?.type, result.error?.message);
}

// Temporal's list is behind by a moment.
const query = "PitwallSession = 'session-9' AND PitwallNegotiation = 'negotiation-3' AND PitwallState = 'passed'";
for (let tries = 0; tries < 100 && (await client.workflow.count(query)).count === 0; tries++) {
  await new Promise((resolve) => setTimeout(resolve, 100));
}
for await (const found of client.workflow.list({ query })) {
  console.log("found", found.workflowId);
}
await connection.close();
