import Middleware
import Testing

@Suite("Lists of endpoints")
struct EndpointListTests {
    @Test("lines are endpoints with what is not as usual behind them")
    func reading() throws {
        let text = """
            # a comment, and nothing

            10.0.0.1:8080\tweight=3   zone=a # the big one
            \torigin.test
            10.0.0.2 priority=1 label.version=v2 label.rack= weight=65535\r
            [2001:db8::3]:8080 backup
            unix:/run/app#1.sock label.a=b=c

            """
        let expected = [
            Endpoint("10.0.0.1:8080", weight: 3, Endpoint.Attributes(zone: "a")), Endpoint("origin.test"),
            Endpoint(
                "10.0.0.2", weight: 65_535, Endpoint.Attributes(priority: 1, labels: ["version": "v2", "rack": ""])),
            Endpoint("[2001:db8::3]:8080", Endpoint.Attributes(isBackup: true)),
            Endpoint("unix:/run/app#1.sock", Endpoint.Attributes(labels: ["a": "b=c"])),
        ]
        #expect(try EndpointList(Array(text.utf8)).endpoints == expected)
    }

    @Test(
        "what is not understood is a problem of its line",
        arguments: [
            ("a:1\nb:x\n", 2, "port"), ("a:1\na:1\n", 2, "twice"), ("a:1 weight=0\n", 1, "weight is no number"),
            ("a:1 weight=-1\n", 1, "weight is no number"), ("a:1 weight=+1\n", 1, "weight is no number"),
            ("a:1 weight=65536\n", 1, "1 to 65535"), ("a:1 weight\n", 1, "weight"), ("a:1 priority=x\n", 1, "priority"),
            ("a:1 weight=1 weight=2\n", 1, "given twice"), ("a:1 zone=\n", 1, "zone="),
            ("a:1 backup=no\n", 1, "backup"),
            ("a:1 label.=x\n", 1, "label.=x"), ("a:1 label.x\n", 1, "label.x"), ("\n\na:1 wieght=2\n", 3, "wieght=2"),
            ("a:1\nb:80", 2, "does not end"), ("https://a\n", 1, "https"), ("a:1,b:1\n", 1, "no endpoint"),
            ("a:1\0\n", 1, "port"),
        ]
    )
    func refusing(text: String, line: Int, reason: String) {
        let problem = #expect(throws: EndpointList.Problem.self) { try EndpointList(Array(text.utf8)) }
        #expect(problem?.line == line && problem?.reason.contains(reason) == true, "\(problem as Any)")
    }

    @Test("a list without endpoints is none", arguments: ["", "\n", "# nothing\n", "\u{FEFF}\n"])
    func empty(text: String) {
        #expect(throws: EndpointList.Problem.self) { try EndpointList(Array(text.utf8)) }
    }

    @Test("no part of a list that breaks off within a line is a list, and no bytes trap")
    func cut() {
        let bytes = Array("10.0.0.1:8080 weight=3\n10.0.0.2:8080 zone=a\n".utf8)
        for count in 0..<bytes.count where count == 0 || bytes[count - 1] != UInt8(ascii: "\n") {
            #expect(throws: EndpointList.Problem.self) { try EndpointList(Array(bytes[..<count])) }
        }
        var chance = SplitMix(seed: 7)
        for _ in 0..<2_000 {
            var mutated = bytes
            for _ in 0...chance.below(4) { mutated[chance.below(bytes.count)] = UInt8(chance.below(256)) }
            guard let list = try? EndpointList(mutated) else { continue }
            #expect(list.endpoints.allSatisfy { $0.problem == nil })
        }
    }
}
