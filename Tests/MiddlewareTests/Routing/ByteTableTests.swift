import Testing

@testable import Middleware

@Suite("Router: byte strings of a tree")
struct ByteTableTests {
    @Test("keys of every length are found, and none that differs in one byte", arguments: 0...40)
    func lengths(count: Int) {
        var table = ByteTable()
        let key = (0..<count).map { UInt8(0x61 + $0 % 26) }
        let number = table.insert(key, of: 3) { 7 }
        #expect(number == 7)
        #expect(table.insert(key, of: 3) { 8 } == 7)
        #expect(table.find(key.span, of: 3) == 7)
        #expect(table.find(key.span, of: 4) == nil)
        #expect(table.find((key + [0x61]).span, of: 3) == nil)
        for index in key.indices {
            var other = key
            other[index] ^= 0x80
            #expect(table.find(other.span, of: 3) == nil)
        }
    }

    @Test("keys that differ in their last byte, or in their owner, have places of their own")
    func many() {
        var table = ByteTable()
        var keys: [(key: [UInt8], owner: Int32)] = []
        for owner in 0..<4 as Range<Int32> {
            for number in 0..<2_000 { keys.append((Array("service-\(number)".utf8), owner)) }
        }
        for (number, entry) in keys.enumerated() {
            _ = table.insert(entry.key, of: entry.owner) { Int32(number) }
        }
        for (number, entry) in keys.enumerated() {
            #expect(table.find(entry.key.span, of: entry.owner) == Int32(number))
        }
    }
}
