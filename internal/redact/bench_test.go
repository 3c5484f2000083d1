package redact

import (
	"bytes"
	"fmt"
	"testing"
)

// A log like most: words, numbers, ids, and a few secrets.
func benchText() []byte {
	var b bytes.Buffer
	for i := 0; b.Len() < 8<<20; i++ {
		fmt.Fprintf(&b, "2026-11-22T10:00:%02d.123Z info worker/execute.go:%d request served path=/api/v1/items/%d token key status=200 id=%016x\n",
			i%60, i%500, i, uint64(i)*0x9E3779B97F4A7C15)
		if i%10000 == 0 {
			b.WriteString("key AKIAIOSFODNN7EXAMPLE and known-value-number-7\n")
		}
	}
	return b.Bytes()
}

func BenchmarkRedactor(b *testing.B) {
	text := benchText()
	for _, values := range []int{0, 20, 1000} {
		r := New()
		for i := range values {
			r.Add("V", fmt.Sprintf("known-value-number-%d", i))
			r.Add("W", fmt.Sprintf("%d other value", i))
		}
		b.Run(fmt.Sprintf("values=%d", 2*values), func(b *testing.B) {
			b.SetBytes(int64(len(text)))
			for b.Loop() {
				r.Bytes(text)
			}
		})
		b.Run(fmt.Sprintf("line/values=%d", 2*values), func(b *testing.B) {
			line := text[:130]
			b.SetBytes(int64(len(line)))
			b.ReportAllocs()
			for b.Loop() {
				r.Bytes(line)
			}
		})
	}
}
