public import HTTPTypes
package import NIOCore

/// The fields of a message or a trailer section: ordered, duplicates visible, backed by the bytes that were received.
///
/// A field that passes through a gateway is never turned into a `String`; reading one through a subscript makes a
/// `String` of that field alone. Names compare without regard to case and keep the spelling they arrived with.
///
/// ```swift
/// request.headers[.userAgent] = "edge/1"          // replaces all fields of that name, or adds one
/// response.headers.append(.setCookie, "a=1")      // keeps those that are there
/// for cookie in response.headers[values: .setCookie] { … }
/// ```
///
/// What it does not do: it does not combine fields (`, `-joining is ``FieldList``), and it does not hold
/// pseudo-fields or `Host`: these are ``Request/authority`` and its neighbours.
///
/// A value that is set is made legal rather than refused: CR, LF, NUL and other controls become spaces and outer
/// white space goes (RFC 9110 section 5.5), so that no value can end a line.
///
/// A copy shares the bytes. Fields of a received message keep its read buffer alive: what outlives the request goes
/// through ``compacted()`` first. A value type: safe to send anywhere.
public struct Headers: Sendable {
    /// One field: where its name and value lie.
    package struct Entry: Sendable {
        package var nameOffset: UInt32
        package var nameLength: UInt32
        package var valueOffset: UInt32
        package var valueLength: UInt32
        package var known: KnownField
        package var origin: Origin

        package init(name: Range<Int>, value: Range<Int>, known: KnownField, origin: Origin) {
            nameOffset = UInt32(truncatingIfNeeded: name.lowerBound)
            nameLength = UInt32(truncatingIfNeeded: name.count)
            valueOffset = UInt32(truncatingIfNeeded: value.lowerBound)
            valueLength = UInt32(truncatingIfNeeded: value.count)
            self.known = known
            self.origin = origin
        }

        /// The same field where its bytes lie so much further on.
        @inline(__always)
        func moved(by offset: UInt32) -> Entry {
            var moved = self
            moved.nameOffset &+= offset
            moved.valueOffset &+= offset
            return moved
        }

        /// Past the end of its line, where it lies as one.
        @inline(__always)
        var lineEnd: UInt32 { valueOffset &+ valueLength &+ 2 }

        var name: Range<Int> { Int(nameOffset)..<Int(nameOffset) + Int(nameLength) }
        var value: Range<Int> { Int(valueOffset)..<Int(valueOffset) + Int(valueLength) }
    }

    /// Where the bytes of an entry are kept.
    package enum Origin: UInt8, Sendable {
        /// In the received bytes, as exactly `name: value` CR LF, so that neighbours can be copied out in one piece.
        case receivedLine
        /// In the received bytes, with other white space around the value.
        case received
        /// In `own`: set by a middleware, or compacted. As such a line as well.
        case own
    }

    /// What the fields lie in: one reference, because a message hands its headers on many times.
    ///
    /// Unchecked: it is changed only while a single `Headers` holds it, so that no other thread can see it change.
    private final class Storage: @unchecked Sendable {
        @exclusivity(unchecked) var received = ByteBuffer()
        @exclusivity(unchecked) var own: [UInt8] = []
        @exclusivity(unchecked) var entries: [Entry] = []
        @exclusivity(unchecked) var known = KnownFields()

        init() {}

        init(received: ByteBuffer, entries: [Entry], known: KnownFields) {
            self.received = received
            self.entries = entries
            self.known = known
        }

        /// Room for a few fields at once: whoever adds one often adds more, and each time that an array grows costs more
        /// than a field.
        @inline(__always)
        func makeRoom(for fields: Int, _ bytes: Int) {
            let count = entries.count + fields
            if entries.capacity < count { entries.reserveCapacity(Swift.max(16, count + 8)) }
            let length = own.count + bytes
            if own.capacity < length { own.reserveCapacity(Swift.max(512, length + 256)) }
        }

        /// Writes a field as a line, and says where it lies.
        @inline(__always)
        func write(_ name: Span<UInt8>, _ value: Span<UInt8>, _ known: KnownField) -> Entry {
            makeRoom(for: 1, name.count + value.count + 4)
            let start = own.count
            own.append(addingCapacity: name.count + value.count + 4) { line in
                for index in name.indices { line.append(name[index]) }
                line.append(UInt8(ascii: ":"))
                line.append(UInt8(ascii: " "))
                // RFC 9110 section 5.5: a control in a value is replaced by a space before it is passed on.
                for index in value.indices { line.append(value[index].isControlInValue ? 0x20 : value[index]) }
                line.append(0x0D)
                line.append(0x0A)
            }
            let valueStart = start + name.count + 2
            return Entry(
                name: start..<start + name.count, value: valueStart..<valueStart + value.count, known: known,
                origin: .own)
        }

        /// Adds the fields of a block but those that `left` names, bit by bit.
        func append(_ block: FieldBlock, leavingOut left: UInt64) {
            makeRoom(for: block.fields.count, block.bytes.count)
            let start = UInt32(truncatingIfNeeded: own.count)
            own.append(contentsOf: block.bytes)
            guard left == 0 else {
                for index in block.fields.indices where left &>> UInt64(truncatingIfNeeded: index) & 1 == 0 {
                    entries.append(block.fields[index].moved(by: start))
                    known.insert(block.fields[index].known)
                }
                return
            }
            entries.append(addingCapacity: block.fields.count) { entries in
                for entry in block.fields { entries.append(entry.moved(by: start)) }
            }
            known.formUnion(block.known)
        }

        init(copying other: Storage) {
            received = other.received
            own = other.own
            entries = other.entries
            known = other.known
        }
    }

    /// `nil` before there was any field.
    private var storage: Storage?

    /// The head as it was received; entries refer to it from its reader index.
    package var received: ByteBuffer { storage?.received ?? ByteBuffer() }

    /// The bytes of fields that were set.
    package internal(set) var own: [UInt8] {
        get { storage?.own ?? [] }
        _modify { yield &unshared().own }
    }

    package private(set) var entries: [Entry] {
        get { storage?.entries ?? [] }
        _modify { yield &unshared().entries }
    }

    /// No fields.
    public init() {}

    /// Fields that a codec has already checked, over the bytes they were found in.
    package init(received: ByteBuffer, entries: [Entry]) {
        self.init(received: received, entries: entries, known: KnownFields(of: entries))
    }

    /// The same when it is known which fields are among them.
    package init(received: ByteBuffer, entries: [Entry], known: KnownFields) {
        storage = Storage(received: received, entries: entries, known: known)
    }

    private init(_ storage: Storage) { self.storage = storage }

    /// Which of the known fields are there.
    package var known: KnownFields { storage?.known ?? KnownFields() }

    /// The most bytes that ``write(into:skip:)`` writes.
    package var writtenByteBound: Int {
        guard let storage else { return 0 }
        return storage.received.readableBytes + storage.own.count + 4 * storage.entries.count
    }

    /// The storage, not shared with a copy.
    @inline(__always)
    private mutating func unshared() -> Storage {
        if isKnownUniquelyReferenced(&storage), let storage { return storage }
        let storage = storage.map { Storage(copying: $0) } ?? Storage()
        self.storage = storage
        return storage
    }

    /// The number of fields, counting duplicates.
    public var count: Int { entries.count }

    /// Whether there is no field at all.
    public var isEmpty: Bool { entries.isEmpty }

    /// The value of the first field of that name; setting replaces every field of that name, `nil` removes them.
    ///
    /// Bytes that are not UTF-8 read as U+FFFD; the field itself still passes through unchanged.
    public subscript(_ name: HTTPField.Name) -> String? {
        get {
            firstIndex(of: name).map { string(at: $0) }
        }
        set {
            guard let newValue else {
                remove(name)
                return
            }
            guard let first = firstIndex(of: name) else {
                append(name, newValue)
                return
            }
            append(name, newValue)
            let replacement = entries.removeLast()
            entries[first] = replacement
            removeEntries(from: first + 1) { $0.matches($1, name) }
            tidy()
        }
    }

    /// The values of every field of that name, in order.
    public subscript(values name: HTTPField.Name) -> [String] {
        get {
            entries.indices.filter { matches(entries[$0], name) }.map { string(at: $0) }
        }
        set {
            remove(name)
            for value in newValue { append(name, value) }
        }
    }

    /// Adds a field behind those that are there.
    public mutating func append(_ name: HTTPField.Name, _ value: String) {
        var name = name.rawName
        var value = value
        name.withUTF8 { name in
            value.withUTF8 { value in
                append(name: name.span, value: value.span, known: KnownField(name: name.span))
            }
        }
    }

    /// Removes every field of that name.
    public mutating func remove(_ name: HTTPField.Name) {
        removeEntries(from: 0) { $0.matches($1, name) }
    }

    /// Removes every field.
    public mutating func removeAll() {
        self = Headers()
    }

    /// Whether there is a field of that name.
    public func contains(_ name: HTTPField.Name) -> Bool {
        firstIndex(of: name) != nil
    }

    /// The same fields in memory of their own, as small as they can be.
    ///
    /// Fields of a received message refer to the buffer they were read into, which can be far larger than the head. A
    /// cache or any other part that keeps headers past the request compacts them first.
    public func compacted() -> Headers {
        let result = Storage()
        result.entries.reserveCapacity(entries.count)
        result.own.reserveCapacity(entries.reduce(0) { $0 + Int($1.nameLength) + Int($1.valueLength) + 4 })
        for entry in entries {
            let copy = withName(of: entry) { name in
                withValue(of: entry) { value in result.write(name, value, entry.known) }
            }
            result.entries.append(copy)
            result.known.insert(entry.known)
        }
        return Headers(result)
    }

    /// Makes this the one field of that name, in the place of the first. The value is made legal.
    package mutating func set(name: Span<UInt8>, lowercase: [UInt8], value: Span<UInt8>, known: KnownField) {
        let first = firstIndex(lowercase: lowercase, known: known)
        append(name: name, value: value, known: known)
        guard let first else { return }
        let replacement = entries.removeLast()
        entries[first] = replacement
        removeEntries(from: first + 1) { $0.isNamed($1, lowercase) }
        tidy()
    }

    /// Gives the field at `index` another value, in its place. The value is made legal.
    package mutating func replaceValue(at index: Int, with value: Span<UInt8>) {
        let entry = entries[index]
        let name = withName(of: entry) { $0.withUnsafeBufferPointer { Array($0) } }
        append(name: name.span, value: value, known: entry.known)
        let replacement = entries.removeLast()
        entries[index] = replacement
        tidy()
    }

    /// Removes the entries from `start` on that `unwanted` names.
    mutating func removeEntries(from start: Int, where unwanted: (Headers, Entry) -> Bool) {
        // Nearly always there is none, and nothing to take hold of.
        var first = start
        let old = entries
        while first < old.count, !unwanted(self, old[first]) { first += 1 }
        guard first < old.count else { return }
        var kept: [Entry] = []
        kept.reserveCapacity(old.count)
        kept += old[..<first]
        for entry in old[(first + 1)...] where !unwanted(self, entry) { kept.append(entry) }
        let storage = unshared()
        storage.entries = kept
        storage.known = KnownFields(of: kept)
    }

    /// Gives up the bytes of values that were replaced, once they are most of what is kept.
    private mutating func tidy() {
        guard own.count > 4096 else { return }
        let lines = entries.filter { $0.origin == .own }
        let live = lines.reduce(0) { $0 + Int($1.nameLength) + Int($1.valueLength) + 4 }
        guard own.count > 4 * live else { return }
        let old = own
        own = []
        own.reserveCapacity(2 * live)
        for index in entries.indices where entries[index].origin == .own {
            let entry = entries[index]
            entries[index] = unshared().write(
                old.span.extracting(entry.name), old.span.extracting(entry.value), entry.known)
        }
    }

    /// Adds the fields of a block.
    ///
    /// - Parameter left: the fields that are left out, bit by bit.
    @inline(__always)
    mutating func append(_ block: FieldBlock, leavingOut left: UInt64) {
        unshared().append(block, leavingOut: left)
    }

    /// Adds a field whose name is a token and whose value has no white space around it.
    mutating func appendLine(name: Span<UInt8>, value: Span<UInt8>, known: KnownField) {
        let storage = unshared()
        let entry = storage.write(name, value, known)
        storage.entries.append(entry)
        storage.known.insert(known)
    }

    /// Writes over bytes of fields that were set, `text` at each of `places`.
    mutating func write(_ text: Span<UInt8>, at places: [Int], from start: Int) {
        unshared().own.withUnsafeMutableBufferPointer { own in
            for place in places where start + place + text.count <= own.count {
                for index in text.indices { own[start + place + index] = text[index] }
            }
        }
    }

    /// Adds an entry whose bytes are already in place.
    mutating func insert(_ entry: Entry) {
        let storage = unshared()
        storage.makeRoom(for: 1, 0)
        storage.entries.append(entry)
        storage.known.insert(entry.known)
    }
}
