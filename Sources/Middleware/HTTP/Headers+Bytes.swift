package import HTTPTypes
package import NIOCore

/// The byte-level half of ``Headers``: what codecs, the forwarder and the tests of both use. Nothing here makes a
/// `String`.
extension Headers {
    /// The first entry of a known field.
    package func first(_ known: KnownField) -> Entry? {
        for entry in entries where entry.known == known { return entry }
        return nil
    }

    /// Whether there is a field of that kind.
    package func contains(_ known: KnownField) -> Bool { first(known) != nil }

    /// Removes every field of that kind.
    package mutating func remove(_ known: KnownField) {
        guard contains(known) else { return }
        removeEntries(from: 0) { $1.known == known }
    }

    /// Lends the bytes of an entry's value.
    package func withValue<R>(of entry: Entry, _ body: (Span<UInt8>) -> R) -> R {
        withBytes(of: entry, entry.value, body)
    }

    /// Lends the bytes of an entry's name, as spelled by the sender.
    package func withName<R>(of entry: Entry, _ body: (Span<UInt8>) -> R) -> R {
        withBytes(of: entry, entry.name, body)
    }

    /// Adds a field whose name is known to be a token; the value is made legal.
    package mutating func append(name: Span<UInt8>, value: Span<UInt8>, known: KnownField) {
        let nameStart = own.count
        for index in name.indices { own.append(name[index]) }
        let valueStart = own.count
        var start = 0
        var end = value.count
        while start < end, value[start].isBlankInValue { start += 1 }
        while end > start, value[end - 1].isBlankInValue { end -= 1 }
        // RFC 9110 section 5.5: a control in a value is replaced by a space before it is passed on.
        for index in start..<end { own.append(value[index].isControlInValue ? 0x20 : value[index]) }
        insert(Entry(name: nameStart..<valueStart, value: valueStart..<own.count, known: known, origin: .own))
    }

    /// Adds a known field.
    package mutating func append(_ known: KnownField, _ value: Span<UInt8>) {
        known.canonicalName.withUTF8Buffer { append(name: $0.span, value: value, known: known) }
    }

    /// Writes every entry that `skip` does not name as `name: value` CR LF.
    ///
    /// Neighbours that were received as such lines leave in one copy.
    package func write(into buffer: inout ByteBuffer, skip: (Entry) -> Bool = { _ in false }) {
        var run = 0..<0
        for entry in entries where !skip(entry) {
            if entry.origin == .receivedLine {
                let line = Int(entry.nameOffset)..<Int(entry.valueOffset) + Int(entry.valueLength) + 2
                if run.upperBound == line.lowerBound, !run.isEmpty {
                    run = run.lowerBound..<line.upperBound
                    continue
                }
                writeReceived(run, into: &buffer)
                run = line
                continue
            }
            writeReceived(run, into: &buffer)
            run = 0..<0
            withBytes(of: entry, entry.name) { buffer.write($0) }
            buffer.writeStaticString(": ")
            withBytes(of: entry, entry.value) { buffer.write($0) }
            buffer.writeStaticString("\r\n")
        }
        writeReceived(run, into: &buffer)
    }

    /// Whether the entry has that name.
    package func matches(_ entry: Entry, _ name: HTTPField.Name) -> Bool {
        let canonical = name.canonicalName
        guard canonical.utf8.count == Int(entry.nameLength) else { return false }
        let compared = canonical.utf8.withContiguousStorageIfAvailable { wanted in
            withBytes(of: entry, entry.name) { equalIgnoringCase($0, lowercase: wanted.span) }
        }
        return compared ?? withBytes(of: entry, entry.name) { bytes in
            equalIgnoringCase(bytes, lowercase: Array(canonical.utf8).span)
        }
    }

    /// The index of the first entry of that name.
    package func firstIndex(of name: HTTPField.Name) -> Int? {
        for index in entries.indices where matches(entries[index], name) { return index }
        return nil
    }

    /// The value of an entry as text.
    package func string(at index: Int) -> String {
        withBytes(of: entries[index], entries[index].value) { bytes in
            bytes.withUnsafeBufferPointer { String(decoding: $0, as: UTF8.self) }
        }
    }

    func withBytes<R>(of entry: Entry, _ range: Range<Int>, _ body: (Span<UInt8>) -> R) -> R {
        entry.origin == .own
            ? body(own.span.extracting(range))
            : body(received.readableBytesUInt8Span.extracting(range))
    }

    private func writeReceived(_ range: Range<Int>, into buffer: inout ByteBuffer) {
        guard !range.isEmpty else { return }
        buffer.write(received.readableBytesUInt8Span.extracting(range))
    }
}

extension ByteBuffer {
    /// Appends borrowed bytes.
    package mutating func write(_ bytes: Span<UInt8>) {
        bytes.withUnsafeBytes { _ = writeBytes($0) }
    }
}

extension UInt8 {
    /// A control that must not stand in a field value (RFC 9110 section 5.5); HTAB may.
    fileprivate var isControlInValue: Bool { (self < 0x20 && self != 0x09) || self == 0x7F }
    fileprivate var isBlankInValue: Bool { self == 0x20 || isControlInValue || self == 0x09 }
}
