//go:build linux

package gvisor

import (
	"bufio"
	"context"
	"io"
	"strings"
	"time"
)

// answers asks the agent for its version on a fresh connection, and says whether it gave any HTTP answer.
func answers(ctx context.Context, socket string) bool {
	conn, err := Dial(ctx, socket)
	if err != nil {
		return false
	}
	defer conn.Close()
	_ = conn.SetDeadline(time.Now().Add(2 * time.Second))
	if _, err := io.WriteString(conn, "GET /version HTTP/1.1\r\nHost: sandbox\r\nConnection: close\r\n\r\n"); err != nil {
		return false
	}
	line, err := bufio.NewReaderSize(conn, 256).ReadSlice('\n')
	return err == nil && strings.HasPrefix(string(line), "HTTP/1.1 200")
}
