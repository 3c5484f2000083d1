package config

import (
	"net/url"
	"reflect"
	"strings"

	"pitwall/internal/temporalclient"
)

// keyring reads the keys that encrypt payloads.
func (f *findings) keyring(c Config) (*temporalclient.Keyring, Secret) {
	name, text := "PITWALL_PAYLOAD_KEYS", c.PayloadKeys.Reveal()
	switch {
	case c.PayloadKeysFile != "" && text != "":
		f.bad(name, " and PITWALL_PAYLOAD_KEYS_FILE are both set: set one")
		return nil, ""
	case c.PayloadKeysFile != "":
		name = "PITWALL_PAYLOAD_KEYS_FILE"
		data, err := readBounded(c.PayloadKeysFile)
		if err != nil {
			f.bad(name, ": %v", err)
			return nil, ""
		}
		text = string(data)
	case text == "":
		return nil, ""
	}
	keys, err := temporalclient.ParseKeyring(text)
	if err != nil {
		f.bad(name, ": %v", err)
	}
	return keys, Secret(text)
}

// apiKey is Daytona's key: the variable itself, or what its file holds but for the line break at its end.
func (f *findings) apiKey(c Config) Secret {
	if c.APIKeyFile == "" {
		return c.APIKey
	}
	if c.APIKey != "" {
		f.bad("DAYTONA_API_KEY", " and DAYTONA_API_KEY_FILE are both set: set one")
		return ""
	}
	data, err := readBounded(c.APIKeyFile)
	if err != nil {
		f.bad("DAYTONA_API_KEY_FILE", ": %v", err)
	}
	return Secret(strings.TrimSpace(string(data)))
}

// othersSecrets are variables with which libraries are given secrets: Temporal's, the stores', OpenTelemetry's.
var othersSecrets = []string{
	"TEMPORAL_API_KEY", "TEMPORAL_TLS_CLIENT_KEY_DATA", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN",
	"AZURE_STORAGE_KEY", "AZURE_STORAGE_SAS_TOKEN", "AZURE_CLIENT_SECRET",
	"OTEL_EXPORTER_OTLP_HEADERS", "OTEL_EXPORTER_OTLP_TRACES_HEADERS",
}

// SecretValues are the secrets that this process was given for itself, by the name of their variable: every Secret of its
// configuration, what libraries read from the environment, and passwords in URLs. They are for the redactor.
func (c Config) SecretValues() map[string][]string {
	values := map[string][]string{}
	add := func(name, value string) {
		if value != "" {
			values[name] = append(values[name], value)
		}
	}
	fields := reflect.ValueOf(c)
	for _, field := range reflect.VisibleFields(fields.Type()) {
		if field.IsExported() && field.Type == reflect.TypeFor[Secret]() {
			add(field.Tag.Get("env"), fields.FieldByIndex(field.Index).String())
		}
	}
	if c.environ == nil {
		return values
	}
	for _, name := range othersSecrets {
		value := (*c.environ)[name]
		if !strings.HasSuffix(name, "_HEADERS") {
			add(name, value)
			continue
		}
		for header := range strings.SplitSeq(value, ",") {
			_, escaped, _ := strings.Cut(header, "=")
			if text, err := url.PathUnescape(strings.TrimSpace(escaped)); err == nil {
				add(name, text)
			}
		}
	}
	for name, value := range *c.environ {
		if parsed, err := url.Parse(value); err == nil && parsed.User != nil {
			password, _ := parsed.User.Password()
			add(name, password)
		}
	}
	for _, entry := range strings.FieldsFunc(c.keysText.Reveal(), func(r rune) bool { return strings.ContainsRune(", \t\r\n", r) }) {
		_, key, _ := strings.Cut(entry, ":")
		add("PITWALL_PAYLOAD_KEYS", key)
	}
	return values
}
