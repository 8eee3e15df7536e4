// tlogcheck: what somebody else's library thinks of a log that notaryfs shows.
//
//	tlogcheck DIR [OLD-CHECKPOINT]
//
// DIR is .notary/log of a mount, or a copy of it.  With golang.org/x/mod's
// note and tlog, and nothing of notaryfs, it opens the checkpoint under the
// key in DIR/vkey, proves each entry below its root from the tiles, and, given
// an older checkpoint, that the log has only grown since.
package main

import (
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

const height = 8 // of a tile: 256 hashes

// folder reads tiles from a folder.
type folder string

func (f folder) Height() int                    { return height }
func (f folder) SaveTiles([]tlog.Tile, [][]byte) {}

func (f folder) ReadTiles(tiles []tlog.Tile) ([][]byte, error) {
	var all [][]byte
	for _, t := range tiles {
		path := strings.TrimPrefix(t.Path(), "tile/8/")
		data, err := os.ReadFile(filepath.Join(string(f), "tile", path))
		if err != nil {
			return nil, err
		}
		all = append(all, data)
	}
	return all, nil
}

func checkpoint(path string, verifier note.Verifier) (tlog.Tree, error) {
	var tree tlog.Tree
	text, err := os.ReadFile(path)
	if err != nil {
		return tree, err
	}
	n, err := note.Open(text, note.VerifierList(verifier))
	if err != nil {
		return tree, err
	}
	lines := strings.Split(n.Text, "\n")
	if len(lines) != 4 || lines[0] != verifier.Name() || lines[3] != "" {
		return tree, fmt.Errorf("not a checkpoint of %s", verifier.Name())
	}
	tree.N, err = strconv.ParseInt(lines[1], 10, 64)
	if err != nil {
		return tree, err
	}
	root, err := base64.StdEncoding.DecodeString(lines[2])
	if err != nil || len(root) != tlog.HashSize {
		return tree, fmt.Errorf("no root hash")
	}
	copy(tree.Hash[:], root)
	return tree, nil
}

// bundle gives the entries of one tile of leaves.
func (f folder) bundle(n, size int64) ([][]byte, error) {
	width := size - n*256
	if width > 256 {
		width = 256
	}
	t := tlog.Tile{H: height, L: 0, N: n, W: int(width)}
	path := strings.TrimPrefix(t.Path(), "tile/8/0/")
	data, err := os.ReadFile(filepath.Join(string(f), "tile/entries", path))
	if err != nil {
		return nil, err
	}
	var entries [][]byte
	for len(data) >= 2 {
		n := int(binary.BigEndian.Uint16(data))
		if len(data) < 2+n {
			return nil, fmt.Errorf("%s: cut off", path)
		}
		entries = append(entries, data[2:2+n])
		data = data[2+n:]
	}
	if len(data) != 0 || len(entries) != int(width) {
		return nil, fmt.Errorf("%s: %d entries", path, len(entries))
	}
	return entries, nil
}

func check(dir string, older []string) error {
	f := folder(dir)
	vkey, err := os.ReadFile(filepath.Join(dir, "vkey"))
	if err != nil {
		return err
	}
	verifier, err := note.NewVerifier(strings.TrimSpace(string(vkey)))
	if err != nil {
		return err
	}
	tree, err := checkpoint(filepath.Join(dir, "checkpoint"), verifier)
	if err != nil {
		return err
	}
	hashes := tlog.TileHashReader(tree, f)
	for i := int64(0); i < tree.N; i += 256 {
		entries, err := f.bundle(i/256, tree.N)
		if err != nil {
			return err
		}
		for j, e := range entries {
			at := i + int64(j)
			proof, err := tlog.ProveRecord(tree.N, at, hashes)
			if err != nil {
				return err
			}
			err = tlog.CheckRecord(proof, tree.N, tree.Hash, at,
				tlog.RecordHash(e))
			if err != nil {
				return fmt.Errorf("entry %d: %v", at, err)
			}
		}
	}
	for _, path := range older {
		old, err := checkpoint(path, verifier)
		if err != nil {
			return fmt.Errorf("%s: %v", path, err)
		}
		proof, err := tlog.ProveTree(tree.N, old.N, hashes)
		if err != nil {
			return err
		}
		err = tlog.CheckTree(proof, tree.N, tree.Hash, old.N, old.Hash)
		if err != nil {
			return fmt.Errorf("%s: %v", path, err)
		}
		fmt.Printf("grown from %d\n", old.N)
	}
	fmt.Printf("%d entries\n", tree.N)
	return nil
}

func main() {
	if len(os.Args) < 2 {
		fmt.Fprintln(os.Stderr, "usage: tlogcheck DIR [OLD-CHECKPOINT...]")
		os.Exit(64)
	}
	if err := check(os.Args[1], os.Args[2:]); err != nil {
		fmt.Fprintln(os.Stderr, "tlogcheck:", err)
		os.Exit(1)
	}
}
