package temporalclient

import (
	"context"
	"strings"

	commonpb "go.temporal.io/api/common/v1"
	failurepb "go.temporal.io/api/failure/v1"
	historypb "go.temporal.io/api/history/v1"
	"go.temporal.io/api/proxy"
	"go.temporal.io/sdk/converter"
	"go.temporal.io/sdk/temporal"
	"google.golang.org/protobuf/proto"

	"pitwall/internal/redact"
)

// Converter is how payloads of this connection are written and read: JSON, encrypted where there are keys.
func (o Options) Converter() converter.DataConverter {
	if o.Keys == nil {
		return converter.GetDefaultDataConverter()
	}
	return converter.NewCodecDataConverter(converter.GetDefaultDataConverter(), o.Keys)
}

// Decrypt decrypts the payloads of an event, in place.
func (o Options) Decrypt(ctx context.Context, event *historypb.HistoryEvent) error {
	if o.Keys == nil {
		return nil
	}
	return proxy.VisitPayloads(ctx, event, proxy.VisitPayloadsOptions{
		Visitor: func(_ *proxy.VisitPayloadsContext, payloads []*commonpb.Payload) ([]*commonpb.Payload, error) {
			return o.Keys.Decode(payloads)
		},
		SkipSearchAttributes: true,
	})
}

// failures turns errors into what stands in histories: messages and stack traces without secrets, encrypted where payloads
// are.
type failures struct {
	converter.FailureConverter
	data     converter.DataConverter
	encrypt  bool
	redactor *redact.Redactor
}

func newFailures(o Options) failures {
	data := o.Converter()
	return failures{
		FailureConverter: temporal.NewDefaultFailureConverter(temporal.DefaultFailureConverterOptions{DataConverter: data}),
		data:             data, encrypt: o.Keys != nil, redactor: o.Redactor,
	}
}

// ErrorToFailure is the SDK's conversion, then redacted and encrypted.
func (f failures) ErrorToFailure(err error) *failurepb.Failure {
	failure := f.FailureConverter.ErrorToFailure(err)
	if failure == nil {
		return nil
	}
	failure = proto.CloneOf(failure) // an error that came from a history holds that history's own
	for each := failure; each != nil; each = each.GetCause() {
		converter.DecodeCommonFailureAttributes(f.data, each)
		each.EncodedAttributes = nil
		each.Message, each.StackTrace = f.clean(each.GetMessage()), f.clean(each.GetStackTrace())
		if !f.encrypt {
			continue
		}
		if converter.EncodeCommonFailureAttributes(f.data, each) != nil { // then say nothing rather than say it in the clear
			each.Message, each.StackTrace = "the failure could not be encrypted", ""
		}
	}
	return failure
}

// FailureToError is the SDK's conversion, of a copy: it decrypts in place, and the SDK records a local activity's failure
// after it has read it.
func (f failures) FailureToError(failure *failurepb.Failure) error {
	if failure == nil {
		return nil
	}
	return f.FailureConverter.FailureToError(proto.CloneOf(failure))
}

// cutMark ends a message that was cut to its bound; the cut may have gone through a secret.
const cutMark = " …(cut)"

func (f failures) clean(text string) string {
	kept, cut := strings.CutSuffix(text, cutMark)
	if !cut {
		return f.redactor.String(text)
	}
	clean, _ := f.redactor.Cut(nil, []byte(kept), false)
	return strings.ToValidUTF8(string(clean), "") + cutMark
}
