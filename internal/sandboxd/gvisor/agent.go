//go:build linux

package gvisor

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"time"

	"pitwall/internal/sandboxd/toolbox"
)

// askTimeout bounds a question to an agent, which has only its own work in the way of an answer.
const askTimeout = 2 * time.Second

// answers asks the agent for its version on a fresh connection, and says whether it gave any HTTP answer.
func answers(ctx context.Context, socket string) bool {
	line, err := ask(ctx, socket, "GET", "/version", "")
	return err == nil && strings.HasPrefix(line, "HTTP/1.1 200")
}

// tellPressure has the agent end its user's processes.
func tellPressure(ctx context.Context, socket string, pressure toolbox.Pressure) error {
	body, err := json.Marshal(pressure)
	if err != nil {
		return err
	}
	line, err := ask(ctx, socket, "POST", toolbox.PressurePath, string(body))
	if err == nil && !strings.HasPrefix(line, "HTTP/1.1 204") {
		err = fmt.Errorf("the agent answered %.40q", line)
	}
	return err
}

// ask sends the agent a request on a fresh connection, and returns the first line of the answer. What an agent says is not
// to be trusted, so the line is bounded.
func ask(ctx context.Context, socket, method, path, body string) (string, error) {
	conn, err := Dial(ctx, socket)
	if err != nil {
		return "", err
	}
	defer conn.Close()
	_ = conn.SetDeadline(time.Now().Add(askTimeout))
	request := fmt.Sprintf("%s %s HTTP/1.1\r\nHost: sandbox\r\nConnection: close\r\nContent-Length: %d\r\n\r\n%s", method, path, len(body), body)
	if _, err := io.WriteString(conn, request); err != nil {
		return "", err
	}
	line, err := bufio.NewReaderSize(conn, 256).ReadSlice('\n')
	return string(line), err
}
