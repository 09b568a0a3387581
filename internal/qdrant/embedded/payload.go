package embedded

import (
	qc "github.com/qdrant/go-client/qdrant"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"
)

// The numbers of the field `payload`: in the message that is stored, and in the
// two that answer.
const (
	storedPayload   protowire.Number = 3 // PointStruct
	answeredPayload protowire.Number = 2 // ScoredPoint, RetrievedPoint
)

// rawPayload returns a row's payload as it is stored, checked against its sum.
func (v *view) rawPayload(row int) ([]byte, error) {
	rec := v.record(row)
	offset, length := rec.span()
	if offset+length > v.payloadBytes {
		return nil, status.Errorf(codes.DataLoss, "payload of row %d of collection %s lies outside its file: delete the corpus and index it again", row, v.name)
	}
	raw := v.payloads.bytes[offset : offset+length]
	if !rec.intact(raw) {
		return nil, v.damagedPayload(row)
	}
	return raw, nil
}

func (v *view) damagedPayload(row int) error {
	return status.Errorf(codes.DataLoss, "payload of row %d of collection %s is damaged: delete the corpus and index it again", row, v.name)
}

// payload decodes a row's payload.
func (v *view) payload(row int) (map[string]*qc.Value, error) {
	raw, err := v.rawPayload(row)
	if err != nil {
		return nil, err
	}
	var p qc.PointStruct
	if proto.Unmarshal(raw, &p) != nil {
		return nil, v.damagedPayload(row)
	}
	return p.GetPayload(), nil
}

// setPayload puts the selected part of a row's payload into an answer, entry by
// entry as it is encoded: to decode a text only to encode it again would cost
// more than all else about a candidate. What is put there as a field unknown to
// this process is the payload to the one that reads it.
func (v *view) setPayload(answer proto.Message, row int, sel selection) error {
	if !sel.some {
		return nil
	}
	if !sel.flat() {
		return v.setParts(answer, row, sel)
	}
	raw, err := v.rawPayload(row)
	if err != nil {
		return err
	}
	out := make([]byte, 0, len(raw))
	for len(raw) > 0 {
		number, kind, n := protowire.ConsumeTag(raw)
		if n < 0 || number != storedPayload || kind != protowire.BytesType {
			return v.damagedPayload(row)
		}
		entry, m := protowire.ConsumeBytes(raw[n:])
		if m < 0 {
			return v.damagedPayload(row)
		}
		if sel.field(string(entryKey(entry))) {
			out = protowire.AppendTag(out, answeredPayload, protowire.BytesType)
			out = append(out, raw[n:n+m]...)
		}
		raw = raw[n+m:]
	}
	answer.ProtoReflect().SetUnknown(out)
	return nil
}

// setParts does what setPayload does where parts of fields are selected.
func (v *view) setParts(answer proto.Message, row int, sel selection) error {
	fields, err := v.payload(row)
	if err != nil {
		return err
	}
	fields = sel.of(fields, nil)
	switch answer := answer.(type) {
	case *qc.ScoredPoint:
		answer.Payload = fields
	case *qc.RetrievedPoint:
		answer.Payload = fields
	}
	return nil
}

// entryKey returns the key of an encoded map entry, its field 1.
func entryKey(entry []byte) []byte {
	for len(entry) > 0 {
		number, kind, n := protowire.ConsumeTag(entry)
		if n < 0 {
			return nil
		}
		if number == 1 && kind == protowire.BytesType {
			key, _ := protowire.ConsumeBytes(entry[n:])
			return key
		}
		m := protowire.ConsumeFieldValue(number, kind, entry[n:])
		if m < 0 {
			return nil
		}
		entry = entry[n+m:]
	}
	return nil
}
