package spec

// Canary is a trial whose answer is known. It runs with its campaign as an extra trial of each of the first samples and is
// never counted in a rate: one that does not end as expected says that the harness is broken (an image without its
// packages, a scorer that passes everything), so that this does not look like a regression.
type Canary struct {
	// Samples is how many of the campaign's first samples get this canary. Default 1.
	Samples int `json:"samples,omitempty"`
	// Set lays values over the fields that the eval's template sees, such as completion: "{{.canonical_solution}}". A
	// value is a template over the row.
	Set map[string]string `json:"set"`
	// Expect is pass (the default) or fail.
	Expect string `json:"expect,omitempty"`
}

// What a Canary expects.
const (
	ExpectPass = "pass"
	ExpectFail = "fail"
)

// CanaryFailed is the type of the error, of the origin infra, of a canary that did not end as expected.
const CanaryFailed = "CanaryFailed"

func (c *checker) canaries(canaries []Canary) {
	if len(canaries) > MaxCanaries {
		c.bad("canaries", "has %d canaries, more than %d", len(canaries), MaxCanaries)
		return
	}
	for i, canary := range canaries {
		at := index("canaries", i)
		if canary.Samples < 0 || canary.Samples > MaxCanarySamples {
			c.bad(at+".samples", "%d is out of bounds: want 1 to %d", canary.Samples, MaxCanarySamples)
		}
		c.choice(at+".expect", canary.Expect, ExpectPass, ExpectFail)
		if len(canary.Set) == 0 {
			c.bad(at+".set", `is empty: set what makes the answer known, such as completion: "{{.canonical_solution}}"`)
		}
		for name, text := range canary.Set {
			c.templateText(at+".set."+name, text)
		}
	}
}
