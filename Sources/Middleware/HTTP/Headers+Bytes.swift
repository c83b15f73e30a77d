package import HTTPTypes
import NIOCore

/// The byte-level half of ``Headers``: what codecs, the forwarder and the tests of both use. Nothing here makes a
/// `String`.
extension Headers {
    /// The first entry of a known field.
    package func first(known: KnownField) -> Entry? {
        guard contains(known: known) else { return nil }
        for entry in entries where entry.known == known { return entry }
        return nil
    }

    /// Whether there is a field of that kind.
    package func contains(known field: KnownField) -> Bool { known.contains(field) }

    /// Removes every field of that kind.
    package mutating func remove(known: KnownField) {
        guard contains(known: known) else { return }
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
        var start = 0
        var end = value.count
        while start < end, value[start].isBlankInValue { start += 1 }
        while end > start, value[end - 1].isBlankInValue { end -= 1 }
        appendLine(name: name, value: value.extracting(start..<end), known: known)
    }

    /// Adds a known field.
    package mutating func append(_ known: KnownField, _ value: Span<UInt8>) {
        known.canonicalName.withUTF8Buffer { append(name: $0.span, value: value, known: known) }
    }

    /// Writes every entry that `skip` does not name as `name: value` CR LF.
    ///
    /// Neighbours that lie as such lines, received or set one after the other, leave in one copy.
    package func write(into buffer: inout some ByteSink, skip: (Entry) -> Bool = { _ in false }) {
        let entries = entries
        guard !entries.isEmpty else { return }
        // Held here, so that no piece has to take hold of it.
        let received = received
        var run = Run()
        for entry in entries where !skip(entry) {
            if entry.nameOffset == run.end, entry.origin == run.origin {
                run.end = entry.lineEnd
                continue
            }
            write(run, received, into: &buffer)
            guard entry.origin == .received else {
                run = Run(start: entry.nameOffset, end: entry.lineEnd, origin: entry.origin)
                continue
            }
            run = Run()
            let bytes = received.readableBytesUInt8Span
            buffer.write(bytes.extracting(entry.name))
            buffer.write(": ")
            buffer.write(bytes.extracting(entry.value))
            buffer.write("\r\n")
        }
        write(run, received, into: &buffer)
    }

    /// Neighbouring lines that leave in one copy.
    private struct Run {
        var start: UInt32 = 0
        var end: UInt32 = 0
        /// Not ``Origin/received``, whose fields are no such lines.
        var origin = Origin.receivedLine

        var range: Range<Int> { Int(start)..<Int(end) }
    }

    /// Writes a run of lines. Only few messages have fields of their own: these are taken hold of where they are needed.
    @inline(__always)
    private func write(_ run: Run, _ received: ByteBuffer, into buffer: inout some ByteSink) {
        guard run.start < run.end else { return }
        if run.origin == .own {
            let own = own
            buffer.write(own.span.extracting(run.range))
        } else {
            buffer.write(received.readableBytesUInt8Span.extracting(run.range))
        }
    }

    /// Whether the entry has that name.
    package func matches(_ entry: Entry, _ name: HTTPField.Name) -> Bool {
        let canonical = name.canonicalName
        guard canonical.utf8.count == Int(entry.nameLength) else { return false }
        let compared = canonical.utf8.withContiguousStorageIfAvailable { wanted in
            withBytes(of: entry, entry.name) { equalIgnoringCase($0, lowercase: wanted.span) }
        }
        return compared
            ?? withBytes(of: entry, entry.name) { bytes in
                equalIgnoringCase(bytes, lowercase: Array(canonical.utf8).span)
            }
    }

    /// Whether the entry has that name, which is in lower case.
    package func isNamed(_ entry: Entry, _ name: [UInt8]) -> Bool {
        Int(entry.nameLength) == name.count && withName(of: entry) { equalIgnoringCase($0, lowercase: name.span) }
    }

    /// The index of the first entry of that name, which is in lower case.
    package func firstIndex(lowercase name: [UInt8], known: KnownField) -> Int? {
        guard contains(known: known) else { return nil }
        let entries = entries
        for index in entries.indices where isNamed(entries[index], name) { return index }
        return nil
    }

    /// Removes every field of that name, which is in lower case.
    package mutating func remove(lowercase name: [UInt8], known: KnownField) {
        guard known == .other else {
            remove(known: known)
            return
        }
        guard contains(known: .other) else { return }
        removeEntries(from: 0) { $0.isNamed($1, name) }
    }

    /// The index of the first entry of that name.
    package func firstIndex(of name: HTTPField.Name) -> Int? {
        // Few names have the same length, so that most entries cost a comparison of it.
        let entries = entries
        let length = UInt32(truncatingIfNeeded: name.canonicalName.utf8.count)
        for index in entries.indices where entries[index].nameLength == length && matches(entries[index], name) {
            return index
        }
        return nil
    }

    /// The value of an entry as text.
    package func string(at index: Int) -> String {
        withBytes(of: entries[index], entries[index].value) { bytes in
            bytes.withUnsafeBufferPointer { String(decoding: $0, as: UTF8.self) }
        }
    }

    func withBytes<R>(of entry: Entry, _ range: Range<Int>, _ body: (Span<UInt8>) -> R) -> R {
        if entry.origin == .own {
            let own = own
            return body(own.span.extracting(range))
        }
        let received = received
        return body(received.readableBytesUInt8Span.extracting(range))
    }
}

extension UInt8 {
    /// A control that must not stand in a field value (RFC 9110 section 5.5); HTAB may.
    var isControlInValue: Bool { (self < 0x20 && self != 0x09) || self == 0x7F }
    fileprivate var isBlankInValue: Bool { self == 0x20 || isControlInValue || self == 0x09 }
}
