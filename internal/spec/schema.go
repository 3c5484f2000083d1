package spec

import _ "embed"

//go:generate go run ./schemagen

//go:embed schema/eval.json
var evalSchema []byte

//go:embed schema/campaign.json
var campaignSchema []byte

// EvalSchema is the JSON Schema (2020-12) of an EvalInput, for editors and for programs that write inputs. It is
// generated from the types and their comments; it says less than Validate, which no schema can replace.
func EvalSchema() []byte { return append([]byte(nil), evalSchema...) }

// CampaignSchema is the JSON Schema of a CampaignInput.
func CampaignSchema() []byte { return append([]byte(nil), campaignSchema...) }
