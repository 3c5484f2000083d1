// Package kubernetes is no program: its test reads the manifests of deploy/kubernetes as an API server would, with Kubernetes'
// own types, and no field that they do not have. It is a module of its own so that those types stay out of Pitwall's.
package kubernetes
