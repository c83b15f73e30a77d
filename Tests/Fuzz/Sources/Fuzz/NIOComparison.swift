import Codec
import HTTPTypes
import NIOCore
import NIOEmbedded
import NIOHTTP1

/// The same bytes through NIO's own decoders.
///
/// One may refuse what the other reads, and then the reason stands in a table below. But what both read, they must read
/// alike: the same messages with the same fields and the same content. Two readings of one byte sequence are how
/// requests are smuggled.
private struct Reading {
    struct Message: CustomStringConvertible {
        var start: String
        var fields: [String] = []
        var content: [UInt8] = []
        var isWhole = false
        /// Nothing that follows it can be compared: the connection ends here, or another protocol begins.
        var isLast = false

        var description: String {
            let text = String(decoding: content, as: UTF8.self)
            return "\n  \(start) \(fields) \(text.debugDescription) \(isWhole ? "whole" : "unended")"
        }
    }

    var messages: [Message] = []
    /// The rule it broke here.
    var rule: WireProblem.Rule?
    /// NIO's error.
    var error: String?

    mutating func begin(_ start: String, fields: [String]) {
        messages.append(Message(start: start, fields: fields))
    }

    mutating func add(_ part: ByteBuffer) { messages[messages.count - 1].content += part.readableBytesView }
    mutating func end() { messages[messages.count - 1].isWhole = true }
    mutating func markLast() { messages[messages.count - 1].isLast = true }
}

func compareWithNIO(requests bytes: ArraySlice<UInt8>) {
    var ours = Reading()
    let ending = readRequests(bytes, limits: ParserLimits()) { event in
        switch event {
        case .head(let head):
            ours.begin(head.method.rawValue, fields: lines(of: head.headers))
            if !head.persists || head.upgrade != nil || head.headers.has(.upgrade) { ours.markLast() }
            if head.framing == .none { ours.end() }
        case .body(let part): ours.add(part)
        case .end: ours.end()
        }
    }
    if case .refused(let rule) = ending { ours.rule = rule }
    compare(ours, nioReading(requests: bytes), of: bytes)
}

func compareWithNIO(responses bytes: ArraySlice<UInt8>, to asked: Asked) {
    // RFC 9110 section 9.3.6: only success makes a tunnel, and another answer has content. To NIO none has.
    guard !asked.methods.contains(.connect) else { return }
    var ours = Reading()
    let ending = readResponses(bytes, to: asked, limits: ParserLimits()) { event, _ in
        switch event {
        case .informational: break
        case .head(let head):
            ours.begin("\(head.status.code)", fields: lines(of: head.headers))
            if !head.persists || head.switchesProtocol || head.headers.has(.upgrade) { ours.markLast() }
            if head.framing == .none { ours.end() }
        case .body(let part): ours.add(part)
        case .end: ours.end()
        }
    }
    if case .refused(let rule) = ending { ours.rule = rule }
    compare(ours, nioReading(responses: bytes, to: asked), of: bytes)
}

private func lines(of headers: Headers) -> [String] {
    headers.entries.filter { $0.known != .host }.map { entry in
        headers.withName(of: entry) { String(decoding: $0) } + ": "
            + headers.withValue(of: entry) { String(decoding: $0) }
    }
}

/// RFC 9110 section 5.5: white space around a value is none of it. NIO leaves what mixes spaces and tabs behind it.
private func lines(of headers: HTTPHeaders) -> [String] {
    headers.filter { $0.name.lowercased() != "host" }.map { field in
        let value = field.value.utf8.reversed().drop { $0 == 0x20 || $0 == 0x09 }.reversed()
        return field.name + ": " + String(decoding: Array(value), as: UTF8.self)
    }
}

private func compare(_ ours: Reading, _ theirs: Reading, of bytes: ArraySlice<UInt8>) {
    let isExpectedHere = ours.rule.map { NIODifferences.refusedHere[$0] != nil } ?? false
    let isExpectedThere = theirs.error.map { NIODifferences.explains($0, of: bytes) } ?? false
    func expect(_ condition: Bool, _ reason: String) {
        require(condition, "beside NIO's: \(reason)\nhere: \(ours)\nNIO: \(theirs)")
    }
    for (index, (our, their)) in zip(ours.messages, theirs.messages).enumerated() {
        expect(our.start == their.start && our.fields == their.fields, "message \(index) differs")
        let common = min(our.content.count, their.content.count)
        expect(our.content.prefix(common) == their.content.prefix(common), "content \(index) differs")
        switch (our.isWhole, their.isWhole) {
        case (true, true): expect(our.content == their.content, "content \(index) ends elsewhere")
        case (true, false): return expect(isExpectedThere || our.isLast, "there message \(index) has not ended")
        case (false, true): return expect(isExpectedHere, "here message \(index) has not ended")
        case (false, false): break
        }
        if our.isLast { return }
    }
    if ours.messages.count > theirs.messages.count { expect(isExpectedThere, "there is no such message") }
    if ours.messages.count < theirs.messages.count { expect(isExpectedHere, "here is no such message") }
}

private func nioReading(requests bytes: ArraySlice<UInt8>) -> Reading {
    let channel = EmbeddedChannel(
        handler: ByteToMessageHandler(HTTPRequestDecoder(leftOverBytesStrategy: .dropBytes)))
    var reading = Reading()
    do {
        try channel.writeInbound(ByteBuffer(bytes: bytes))
    } catch {
        reading.error = "\(error)"
    }
    while let part = try? channel.readInbound(as: HTTPServerRequestPart.self) {
        switch part {
        case .head(let head): reading.begin(head.method.rawValue, fields: lines(of: head.headers))
        case .body(let part): reading.add(part)
        case .end: reading.end()
        }
    }
    _ = try? channel.finish(acceptAlreadyClosed: true)
    return reading
}

private func nioReading(responses bytes: ArraySlice<UInt8>, to asked: Asked) -> Reading {
    let channel = EmbeddedChannel()
    var reading = Reading()
    do {
        try channel.pipeline.syncOperations.addHandlers([
            HTTPRequestEncoder(), ByteToMessageHandler(HTTPResponseDecoder(leftOverBytesStrategy: .dropBytes)),
        ])
        for method in asked.methods {
            let method = HTTPMethod(rawValue: method.rawValue)
            try channel.writeOutbound(
                HTTPClientRequestPart.head(HTTPRequestHead(version: .http1_1, method: method, uri: "/")))
        }
        try channel.writeInbound(ByteBuffer(bytes: bytes))
        _ = try channel.finish(acceptAlreadyClosed: true)
    } catch {
        reading.error = "\(error)"
        _ = try? channel.finish(acceptAlreadyClosed: true)
    }
    while let part = try? channel.readInbound(as: HTTPClientResponsePart.self) {
        switch part {
        case .head(let head): reading.begin("\(head.status.code)", fields: lines(of: head.headers))
        case .body(let part): reading.add(part)
        case .end: reading.end()
        }
    }
    return reading
}
