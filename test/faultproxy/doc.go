// Package faultproxy stands in front of a Daytona-compatible server and misbehaves as Daytona does in production.
package faultproxy
