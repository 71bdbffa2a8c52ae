package fetch

import (
	"sync"
	"sync/atomic"
)

// grain is what the size of memory that is used again is a multiple of. Short
// answers have their own and leave it to the garbage collector: little of what a
// quiet topic sends may stay in use for long, and should not hold more than it needs.
const grain = 256 << 10

var spare sync.Pool // of *memory

// memory is where an answer is. It is used again when nobody uses it any more; who
// forgets to say so only leaves it to the garbage collector.
type memory struct {
	bytes []byte
	users atomic.Int32
}

// newMemory returns so many bytes, with anything in them, for one user.
func newMemory(size int) *memory {
	m := &memory{}
	if size < grain {
		m.bytes = make([]byte, size)
	} else if used, ok := spare.Get().(*memory); ok && cap(used.bytes) >= size {
		m = used
		m.bytes = m.bytes[:size]
	} else {
		m.bytes = make([]byte, size, (size+grain-1)/grain*grain)
	}
	m.users.Store(1)
	return m
}

func (m *memory) release() {
	if m.users.Add(-1) == 0 && cap(m.bytes) >= grain {
		spare.Put(m)
	}
}

// Retain keeps the response's memory for one more user, who has to Release it too.
func (r *Response) Retain() {
	if r.memory != nil { // else it is not Do's
		r.memory.users.Add(1)
	}
}

// Release ends one use of the response: after the last one, Records may be
// overwritten.
func (r *Response) Release() {
	if r.memory != nil {
		r.memory.release()
	}
}
