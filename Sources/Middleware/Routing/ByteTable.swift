/// Byte strings of several owners, each with a number: the edges of a tree in one block of memory.
///
/// Open addressing, at most half full, so that a look-up costs the same however much there is. What clients send is
/// only ever looked up and never kept, so that they cannot make chains grow.
struct ByteTable: Sendable {
    private struct Slot {
        var hash: UInt32
        var owner: Int32
        var start: UInt32
        var length: UInt32
        /// Below zero while the slot is free.
        var value: Int32

        static var free: Slot { Slot(hash: 0, owner: 0, start: 0, length: 0, value: -1) }
    }

    private var keys: [UInt8] = []
    private var slots = [Slot](repeating: .free, count: 8)
    private var count = 0
    /// The bytes of the longest key.
    private(set) var longest = 0

    var isEmpty: Bool { count == 0 }

    /// The number of a key, which `value` makes when there is none yet.
    mutating func insert(_ key: [UInt8], of owner: Int32, value: () -> Int32) -> Int32 {
        if let known = find(key.span, of: owner) { return known }
        if (count + 1) * 2 > slots.count { grow() }
        let new = value()
        let start = UInt32(truncatingIfNeeded: keys.count)
        keys += key
        longest = max(longest, key.count)
        count += 1
        place(
            Slot(
                hash: Self.hash(key.span, owner),
                owner: owner,
                start: start,
                length: UInt32(truncatingIfNeeded: key.count),
                value: new
            )
        )
        return new
    }

    /// The number of a key of that owner.
    func find(_ key: Span<UInt8>, of owner: Int32) -> Int32? {
        guard key.count <= longest else { return nil }
        let hash = Self.hash(key, owner)
        let mask = slots.count - 1
        var index = Int(hash) & mask
        while true {
            let slot = slots[index]
            guard slot.value >= 0 else { return nil }
            if slot.hash == hash, slot.owner == owner, holds(slot, key) { return slot.value }
            index = (index + 1) & mask
        }
    }

    private func holds(_ slot: Slot, _ key: Span<UInt8>) -> Bool {
        guard Int(slot.length) == key.count else { return false }
        let start = Int(slot.start)
        let (mine, theirs) = (keys.span.extracting(start..<(start + key.count)).bytes, key.bytes)
        var index = 0
        while index < key.count {
            guard Self.word(mine, at: index) == Self.word(theirs, at: index) else { return false }
            index += 8
        }
        return true
    }

    /// Word by word; both halves of each product, so that every bit of a word reaches the lowest.
    private static func hash(_ key: Span<UInt8>, _ owner: Int32) -> UInt32 {
        let bytes = key.bytes
        var state = UInt64(UInt32(bitPattern: owner)) << 32 ^ UInt64(key.count)
        var index = 0
        repeat {
            let product = (state ^ word(bytes, at: index) ^ 0x9E37_79B9_7F4A_7C15)
                .multipliedFullWidth(by: 0xD6E8_FEB8_6659_FD93)
            state = product.high ^ product.low
            index += 8
        } while index < key.count
        return UInt32(truncatingIfNeeded: state)
    }

    /// The eight bytes from there. Where fewer are left, the last eight again, or all if there are no more.
    @inline(__always)
    private static func word(_ bytes: RawSpan, at index: Int) -> UInt64 {
        let count = bytes.byteCount
        guard count < 8 else {
            return bytes.unsafeLoadUnaligned(fromByteOffset: min(index, count - 8), as: UInt64.self)
        }
        guard count < 4 else {
            let first = bytes.unsafeLoadUnaligned(fromByteOffset: 0, as: UInt32.self)
            let last = bytes.unsafeLoadUnaligned(fromByteOffset: count - 4, as: UInt32.self)
            return UInt64(first) << 32 | UInt64(last)
        }
        var word: UInt64 = 0
        for index in 0..<count { word = word << 8 | UInt64(bytes.unsafeLoad(fromByteOffset: index, as: UInt8.self)) }
        return word
    }

    private mutating func place(_ slot: Slot) {
        let mask = slots.count - 1
        var index = Int(slot.hash) & mask
        while slots[index].value >= 0 { index = (index + 1) & mask }
        slots[index] = slot
    }

    private mutating func grow() {
        let old = slots
        slots = [Slot](repeating: .free, count: old.count * 2)
        for slot in old where slot.value >= 0 { place(slot) }
    }
}
