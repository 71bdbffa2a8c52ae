package consumer

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// tokenName is the file that names an output directory, so that commits can say
// whose CSV holds a partition's lines. It is no state that could disagree with the
// CSV: whoever loses it only has to read more of Kafka's log.
const tokenName = ".instance"

// tokenOf returns the directory's name, which is made at its first use.
func tokenOf(dir string) (string, error) {
	path := filepath.Join(dir, tokenName)
	text, err := os.ReadFile(path)
	if token := strings.TrimSpace(string(text)); err == nil && token != "" {
		return token, nil
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return "", fmt.Errorf("reading the output directory's name: %w", err)
	}
	token := rand.Text()
	if err := os.WriteFile(path, []byte(token+"\n"), 0o644); err != nil {
		return "", fmt.Errorf("naming the output directory: %w", err)
	}
	return token, nil
}
