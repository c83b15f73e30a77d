/// Byte strings of several owners, each with a number: the edges of a tree in one block of memory.
///
/// Open addressing, at most half full, so that a look-up costs the same however much there is. What clients send is
/// only ever looked up and never kept, so that they cannot make chains grow.
struct ByteTable: Sendable {
    /// The hash of a byte string, made while its end is being looked for. FNV-1a.
    struct Hash {
        fileprivate var state: UInt64

        init(owner: Int32) {
            state = 0xCBF2_9CE4_8422_2325 ^ (UInt64(UInt32(bitPattern: owner)) &* 0x9E37_79B9_7F4A_7C15)
        }

        @inline(__always)
        mutating func add(_ byte: UInt8) { state = (state ^ UInt64(byte)) &* 0x0000_0100_0000_01B3 }

        fileprivate var value: UInt64 { state ^ (state >> 32) }
    }

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
        var hash = Hash(owner: owner)
        for byte in key { hash.add(byte) }
        if let known = find(hash, owner, key.span) { return known }
        if (count + 1) * 2 > slots.count { grow() }
        let new = value()
        let start = UInt32(truncatingIfNeeded: keys.count)
        keys += key
        longest = max(longest, key.count)
        count += 1
        place(
            Slot(
                hash: UInt32(truncatingIfNeeded: hash.value),
                owner: owner,
                start: start,
                length: UInt32(truncatingIfNeeded: key.count),
                value: new
            )
        )
        return new
    }

    /// The number of a key of that owner; `hash` is made of the two.
    func find(_ hash: Hash, _ owner: Int32, _ key: Span<UInt8>) -> Int32? {
        guard key.count <= longest else { return nil }
        let short = UInt32(truncatingIfNeeded: hash.value)
        let mask = slots.count - 1
        var index = Int(short) & mask
        while true {
            let slot = slots[index]
            guard slot.value >= 0 else { return nil }
            if slot.hash == short, slot.owner == owner, holds(slot, key) { return slot.value }
            index = (index + 1) & mask
        }
    }

    private func holds(_ slot: Slot, _ key: Span<UInt8>) -> Bool {
        guard Int(slot.length) == key.count else { return false }
        let start = Int(slot.start)
        for index in key.indices where keys[start + index] != key[index] { return false }
        return true
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
