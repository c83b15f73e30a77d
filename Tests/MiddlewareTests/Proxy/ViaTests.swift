import HTTPTypes
import Middleware
import NIOCore
import Testing

@Suite("Via")
struct ViaTests {
    private func written(_ via: Via, _ fields: [String], received protocolName: String = "HTTP/1.1") -> [String] {
        let headers = received(lines: fields)
        return lines { via.write(for: headers, having: KnownFields(of: headers), received: protocolName, into: &$0) }
    }

    @Test(
        "goes behind what came, in one field",
        arguments: [
            ([], "HTTP/1.1", "Via: 1.1 gateway"), ([], "HTTP/1.0", "Via: 1.0 gateway"),
            ([], "HTTP/2", "Via: 2 gateway"),
            (["Via: 1.0 fred"], "HTTP/1.1", "Via: 1.0 fred, 1.1 gateway"),
            (["Via: 1.0 a, 2 b (x, y)", "A: 1", "via: 1.1 c"], "HTTP/2", "Via: 1.0 a, 2 b (x, y), 1.1 c, 2 gateway"),
            (["Via: "], "HTTP/1.1", "Via: 1.1 gateway"), ([], "", "Via: 1.1 gateway"),
        ] as [([String], String, String)]
    )
    func requests(fields: [String], protocolName: String, line: String) {
        #expect(written(Via(), fields, received: protocolName) == [line])
        #expect(Via().replacedInRequests.contains(.via))
    }

    @Test("is left alone when it is switched off")
    func off() {
        #expect(written(.none, ["Via: 1.1 a"]) == [])
        #expect(!Via.none.replacedInRequests.contains(.via))
    }

    @Test("is added to responses only when asked for")
    func responses() {
        var headers: Headers = [.via: "1.1 a"]
        Via().add(to: &headers)
        #expect(headers[values: .via] == ["1.1 a"])
        var via = Via(pseudonym: "edge-1")
        via.isAddedToResponses = true
        via.add(to: &headers)
        #expect(headers[values: .via] == ["1.1 a", "1.1 edge-1"])
    }

    @Test(
        "notices a loop by a pseudonym of one's own",
        arguments: [
            (["Via: 1.1 edge-1"], true), (["Via: 1.0 a, 2 edge-1 (x)", "Via: 1.1 b"], true),
            (["Via: 1.1\tedge-1"], true), (["Via: HTTP/1.1  edge-1"], true),
            (["Via: 1.1 edge-10"], false), (["Via: 1.1 Edge-1"], false), (["Via: edge-1"], false),
            (["Via: 1.1 a"], false),
            (["A: 1.1 edge-1"], false), ([], false),
        ] as [([String], Bool)]
    )
    func loops(fields: [String], isLoop: Bool) {
        let headers = received(lines: fields)
        #expect(Via(pseudonym: "edge-1").isLoop(headers, having: KnownFields(of: headers)) == isLoop)
    }

    @Test("takes the common pseudonym for no sign of a loop")
    func common() {
        let headers = received(lines: ["Via: 1.1 gateway"])
        #expect(!Via().isLoop(headers, having: KnownFields(of: headers)))
        #expect(Via(pseudonym: "gateway").isLoop(headers, having: KnownFields(of: headers)))
        #expect(Via.loopAnswer.status.code == 508)
    }

    @Test("reports a pseudonym that is no token and never writes it", arguments: ["", "a b", "a,b", "a\r\nX: y", "é"])
    func problems(pseudonym: String) {
        let via = Via(pseudonym: pseudonym)
        #expect(via.problem != nil)
        #expect(written(via, []) == ["Via: 1.1 gateway"])
        #expect(Via(pseudonym: "edge-1").problem == nil)
    }
}
