//go:build mssql

package databasetest

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"sync"

	mssql "github.com/microsoft/go-mssqldb"
	"github.com/microsoft/go-mssqldb/msdsn"
)

// seenDirectory is the environment variable that names a directory for the
// statements that tests send to the server: internal/sqlseen reads them.
const seenDirectory = "SQL_SEEN"

// logStatements is what an address says so that the driver tells its logger.
var logStatements = strconv.FormatUint(uint64(msdsn.LogSQL), 10)

func recording() bool { return os.Getenv(seenDirectory) != "" }

func init() {
	if recording() {
		mssql.SetContextLogger(&recorder{seen: make(map[string]bool)})
	}
}

// recorder writes each statement once to a file of the process, with a zero byte
// behind it.
type recorder struct {
	mu   sync.Mutex
	seen map[string]bool
	file *os.File
}

// Log implements mssql.ContextLogger.
func (r *recorder) Log(_ context.Context, category msdsn.Log, statement string) {
	if category != msdsn.LogSQL {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.seen[statement] {
		return
	}
	r.seen[statement] = true
	if err := r.write(statement); err != nil {
		panic(fmt.Sprintf("writing down a statement: %v", err)) // what is not written counts as not executed
	}
}

func (r *recorder) write(statement string) (err error) {
	if r.file == nil {
		name := filepath.Join(os.Getenv(seenDirectory), strconv.Itoa(os.Getpid())+".seen")
		if r.file, err = os.Create(name); err != nil {
			return err
		}
	}
	_, err = r.file.WriteString(statement + "\x00")
	return err
}
