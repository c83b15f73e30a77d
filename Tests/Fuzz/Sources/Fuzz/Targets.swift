import Codec
import NIOCore

/// Brings a request target to its normal form, and holds that against what the form promises and against another way to
/// make it.
func fuzzTarget(_ bytes: [UInt8]) {
    let isNormal = RequestTarget.isNormal(bytes.span)
    if let target = try? RequestTarget(normalising: ByteBuffer(bytes: bytes)) {
        let normal = target.withBytes { Array(copying: $0) }
        require(isNormal == (normal == bytes), "a normal target is changed, or another one is not")
        checkNormal(target)
        let reference = PlainNormaliser.normalise(bytes)
        require(reference == normal, "\(text(normal)), and the plain way \(reference.map(text) ?? "nothing")")
    } else {
        require(!isNormal, "a normal target is refused")
    }

    // The same bytes as text that a middleware sets.
    let parts = bytes.split(separator: UInt8(ascii: "?"), maxSplits: 1, omittingEmptySubsequences: false)
    let path = String(decoding: parts.first ?? [], as: UTF8.self)
    let query = parts.count > 1 ? String(decoding: parts[1], as: UTF8.self) : nil
    var target = RequestTarget(path, query: query)
    checkNormal(target)
    let before = target
    target.path = before.path
    target.query = before.query
    require(target == before || before.isAsterisk, "\(before) becomes \(target) when it is set again")
}

private func checkNormal(_ target: RequestTarget) {
    let bytes = target.withBytes { Array(copying: $0) }
    require(RequestTarget.isNormal(bytes.span), "\(text(bytes)) is not in normal form")
    let again = try? RequestTarget(normalising: ByteBuffer(bytes: bytes))
    require(again?.withBytes { Array(copying: $0) } == bytes, "\(text(bytes)) changes when it is normalised again")
    require(again?.query == target.query && again?.path == target.path, "\(text(bytes)) has another query")
    require(bytes.allSatisfy { $0 > 0x20 && $0 < 0x7F && $0 != UInt8(ascii: "#") }, "\(text(bytes)) is no URI")
    guard !target.isAsterisk else { return }

    let path = target.withPath { Array(copying: $0) }
    require(path.first == UInt8(ascii: "/"), "\(text(path)) does not begin with a slash")
    // What any origin can make of it: `%2F` and `%5C` for slashes, and what follows `;` cut off.
    let loose = String(decoding: path, as: UTF8.self).replacing("%2F", with: "/").replacing("%5C", with: "/")
    let names = loose.split(separator: "/").map { $0.prefix { $0 != ";" } }
    require(!names.contains(".") && !names.contains(".."), "\(text(path)) can be read as climbing")
    require(!loose.contains("%00") && !loose.contains("%2E"), "\(text(path)) hides a byte")

    let slashes = path.filter { $0 == UInt8(ascii: "/") }.count
    require(target.pathSegments.reduce(0) { count, _ in count + 1 } == slashes, "\(text(path)) has other segments")
    for item in target.queryItems { require(!item.name.isEmpty || item.value != nil, "an item is empty") }
    require(target.queryItems.reduce(0) { n, _ in n + 1 } == target.formItems.reduce(0) { n, _ in n + 1 }, "form items")
}

private func text(_ bytes: [UInt8]) -> String { String(decoding: bytes, as: UTF8.self).debugDescription }

extension Array where Element == UInt8 {
    fileprivate init(copying bytes: Span<UInt8>) { self = bytes.withUnsafeBufferPointer { Array($0) } }
}

/// The normal form made step by step, without regard to cost.
private enum PlainNormaliser {
    static func normalise(_ bytes: [UInt8]) -> [UInt8]? {
        if bytes == [UInt8(ascii: "*")] { return bytes }
        let parts = bytes.split(separator: UInt8(ascii: "?"), maxSplits: 1, omittingEmptySubsequences: false)
        guard let path = normalise(path: Array(parts.first ?? [])) else { return nil }
        guard parts.count > 1 else { return path }
        var output = path + [UInt8(ascii: "?")]
        for byte in parts[1] {
            guard byte > 0x20, byte != 0x7F, byte != UInt8(ascii: "#") else { return nil }
            output += byte < 0x80 ? [byte] : escape(byte)
        }
        return output
    }

    private static func normalise(path: [UInt8]) -> [UInt8]? {
        guard path.isEmpty || path[0] == UInt8(ascii: "/") else { return nil }
        var stack: [[UInt8]] = []
        let segments = path.dropFirst().split(separator: UInt8(ascii: "/"), omittingEmptySubsequences: false)
        for (index, segment) in segments.enumerated() {
            guard let segment = decoded(Array(segment)) else { return nil }
            let isLast = index == segments.count - 1
            switch String(decoding: segment, as: UTF8.self) {
            case ".":
                if isLast { stack.append([]) }
            case "..":
                guard stack.popLast() != nil else { return nil }
                if isLast { stack.append([]) }
            default:
                guard !isAmbiguous(segment) else { return nil }
                stack.append(segment)
            }
        }
        return [UInt8(ascii: "/")] + stack.joined(separator: [UInt8(ascii: "/")])
    }

    private static func decoded(_ segment: [UInt8]) -> [UInt8]? {
        var output: [UInt8] = []
        var index = 0
        while index < segment.count {
            let byte = segment[index]
            index += 1
            if byte == UInt8(ascii: "%") {
                guard segment.count - index >= 2 else { return nil }
                let digits = String(decoding: segment[index..<index + 2], as: UTF8.self)
                guard digits.allSatisfy(\.isHexDigit), let value = UInt8(digits, radix: 16), value != 0 else {
                    return nil
                }
                index += 2
                output += isUnreserved(value) ? [value] : escape(value)
            } else if byte <= 0x20 || byte == 0x7F || byte == UInt8(ascii: "#") {
                return nil
            } else {
                output += isUnreserved(byte) || "!$&'()*+,;=:@".utf8.contains(byte) ? [byte] : escape(byte)
            }
        }
        return output
    }

    /// A dot segment to whoever takes `%2F` and `%5C` for slashes and cuts off what follows `;`.
    private static func isAmbiguous(_ segment: [UInt8]) -> Bool {
        let text = String(decoding: segment, as: UTF8.self)
        return text.split(separator: "%2F", omittingEmptySubsequences: false)
            .flatMap { $0.split(separator: "%5C", omittingEmptySubsequences: false) }
            .map { $0.split(separator: ";", maxSplits: 1, omittingEmptySubsequences: false)[0] }
            .contains { $0 == "." || $0 == ".." }
    }

    private static func isUnreserved(_ byte: UInt8) -> Bool {
        (byte | 0x20) &- 0x61 < 26 || byte &- 0x30 < 10 || "-._~".utf8.contains(byte)
    }

    private static func escape(_ byte: UInt8) -> [UInt8] {
        let digits = Array("0123456789ABCDEF".utf8)
        return [UInt8(ascii: "%"), digits[Int(byte >> 4)], digits[Int(byte & 15)]]
    }
}
