package embedded

import (
	"encoding/binary"
	"fmt"
	"hash/crc32"

	"github.com/google/uuid"
	qc "github.com/qdrant/go-client/qdrant"
)

// pointKey is a point id as bytes whose order is Qdrant's: numbers before
// UUIDs, each ascending. The first byte is the kind.
type pointKey [17]byte

const (
	kindNumber = 0
	kindUUID   = 1
)

func keyOf(id *qc.PointId) (pointKey, error) {
	var key pointKey
	switch v := id.GetPointIdOptions().(type) {
	case *qc.PointId_Num:
		key[0] = kindNumber
		binary.BigEndian.PutUint64(key[1:], v.Num)
	case *qc.PointId_Uuid:
		parsed, err := uuid.Parse(v.Uuid)
		if err != nil {
			return key, fmt.Errorf("unable to parse UUID %.64q", v.Uuid)
		}
		key[0] = kindUUID
		copy(key[1:], parsed[:])
	default:
		return key, fmt.Errorf("a point has no id")
	}
	return key, nil
}

func (k pointKey) id() *qc.PointId {
	if k[0] == kindNumber {
		return qc.NewIDNum(binary.BigEndian.Uint64(k[1:]))
	}
	return qc.NewID(uuid.UUID(k[1:]).String())
}

// A record is what the rows file holds for a row:
//
//	[0:17]  point key
//	[24:32] offset of the payload in the payloads file
//	[32:36] length of the payload
//	[36:40] CRC-32C of the payload
const recordSize = 40

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

func appendRecord(dst []byte, key pointKey, offset int64, payload []byte) []byte {
	var rec [recordSize]byte
	copy(rec[:], key[:])
	binary.LittleEndian.PutUint64(rec[24:], uint64(offset))
	binary.LittleEndian.PutUint32(rec[32:], uint32(len(payload)))
	binary.LittleEndian.PutUint32(rec[36:], crc32.Checksum(payload, castagnoli))
	return append(dst, rec[:]...)
}

type record []byte

func (r record) key() pointKey { return pointKey(r[:len(pointKey{})]) }

func (r record) span() (offset, length int64) {
	return int64(binary.LittleEndian.Uint64(r[24:])), int64(binary.LittleEndian.Uint32(r[32:]))
}

func (r record) intact(payload []byte) bool {
	return binary.LittleEndian.Uint32(r[36:]) == crc32.Checksum(payload, castagnoli)
}
