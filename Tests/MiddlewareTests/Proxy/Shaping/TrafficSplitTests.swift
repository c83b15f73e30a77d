import HTTPTypes
import Middleware
import MiddlewareTesting
import NIOCore
import Testing

@Suite("TrafficSplit")
struct TrafficSplitTests {
    /// Answers with a name, and with the cookies that reached it.
    private struct Named: Handler {
        let name: String

        func handle(_ request: consuming Request, context: RequestContext) async throws -> Response {
            var response = Response(.ok, body: .text(name))
            response.headers[.cookie] = request.headers[.cookie]
            response.headers[.server] = context[TrafficBranchKey.self]
            return response
        }
    }

    private static func branch(_ name: String, _ weight: Double) -> TrafficSplit.Branch {
        TrafficSplit.Branch(name, weight: weight, Named(name: name))
    }

    private func split(
        _ weights: KeyValuePairs<String, Double>, _ configure: (inout TrafficSplit.Configuration) -> Void = { _ in }
    ) -> TrafficSplit {
        var configuration = TrafficSplit.Configuration()
        configure(&configuration)
        return TrafficSplit(weights.map { Self.branch($0.key, $0.value) }, configuration)
    }

    /// How often each branch answered.
    private func counts(
        _ client: TestClient, _ number: Int, _ headers: (Int) -> Headers = { _ in [:] }
    ) async throws -> [String: Int] {
        var counts: [String: Int] = [:]
        for index in 0..<number { counts[try await client.get("/", headers: headers(index)).body, default: 0] += 1 }
        return counts
    }

    /// Pearson's statistic: the squared deviations, each over what was expected.
    private func deviation(_ counts: [String: Int], from expected: [String: Double]) -> Double {
        expected.reduce(0) { sum, expected in
            let difference = Double(counts[expected.key, default: 0]) - expected.value
            return sum + difference * difference / expected.value
        }
    }

    // MARK: Shares

    @Test("requests are divided in proportion to the weights", arguments: [1, 2, 3] as [UInt64])
    func shares(seed: UInt64) async throws {
        let split = split(["stable": 89, "canary": 1, "next": 10])
        let client = TestClient(split, randomness: SeededRandomness(seed: seed))
        let counts = try await counts(client, 4000)
        // Two degrees of freedom: 13.8 is passed once in a thousand runs, and these repeat themselves.
        #expect(deviation(counts, from: ["stable": 3560, "canary": 40, "next": 400]) < 13.8)
    }

    @Test("a branch without weight gets nothing, and the name of the branch is in the context")
    func zero() async throws {
        let client = TestClient(split(["a": 0, "b": 0.25]))
        #expect(try await counts(client, 50) == ["b": 50])
        #expect(try await client.get("/").headers[.server] == "b")
    }

    @Test("weights are changed while requests come, and all or nothing of a change")
    func reweighing() async throws {
        let split = split(["a": 1, "b": 0])
        let client = TestClient(split)
        #expect(try await counts(client, 20) == ["a": 20])
        try split.reweigh(["a": 0, "b": 3])
        #expect(split.currentWeights == ["a": 0, "b": 3])
        #expect(try await counts(client, 20) == ["b": 20])
        for wrong in [["c": 1], ["a": -1], ["a": .nan], ["a": .infinity], ["b": 0], ["a": 1, "c": 1]] {
            #expect(throws: TrafficWeightError.self) { try split.reweigh(wrong) }
        }
        #expect(split.currentWeights == ["a": 0, "b": 3])
        try split.reweigh(["a": 1])
        #expect(try await counts(client, 200).count == 2)
    }

    // MARK: Stickiness

    @Test("a browser keeps its branch by a cookie that the branch does not see")
    func cookie() async throws {
        let client = TestClient(split(["a": 1, "b": 1]) { $0.stickiness = .cookie("split") })
        var branches: Set<String> = []
        for _ in 0..<20 {
            let first = try await client.get("/", headers: [.cookie: "x=1"])
            #expect(first.headers[.cookie] == "x=1")
            #expect(first.headers[.cacheControl] == "private=\"Set-Cookie\"")
            let line = try #require(first.headers[.setCookie])
            #expect(line.hasSuffix("; Path=/; HttpOnly; SameSite=Lax"))
            let pair = String(line.prefix { $0 != ";" })
            for _ in 0..<5 {
                let again = try await client.get("/", headers: [.cookie: "x=1; \(pair)"])
                #expect(again.body == first.body)
                #expect(again.headers[.setCookie] == nil)
                #expect(again.headers[.cookie] == "x=1")
            }
            branches.insert(first.body)
        }
        #expect(branches == ["a", "b"])
    }

    @Test("a cookie that is none of ours is replaced", arguments: ["", "a", "00000000000000000", "000000000000000g"])
    func spoilt(value: String) async throws {
        let client = TestClient(split(["a": 1]) { $0.stickiness = .cookie("split") })
        let answer = try await client.get("/", headers: [.cookie: "split=\(value)"])
        #expect(answer.headers[.setCookie]?.hasPrefix("split=") == true)
        #expect(answer.headers[.cookie] == nil)
    }

    @Test("a change of the weights moves as many clients as it amounts to, and none the wrong way")
    func ramp() async throws {
        let user = HTTPField.Name("X-User")!
        let split = split(["stable": 95, "canary": 5]) { $0.stickiness = .by(.header(user)) }
        let client = TestClient(split)
        func branches() async throws -> [String] {
            var result: [String] = []
            for index in 0..<1000 { result.append(try await client.get("/", headers: [user: "user \(index)"]).body) }
            return result
        }
        let before = try await branches()
        try split.reweigh(["stable": 80, "canary": 20])
        let after = try await branches()
        let moved = zip(before, after).filter { $0 != $1 }
        #expect(moved.allSatisfy { $0 == "stable" && $1 == "canary" })
        // 150 are due; four standard deviations are 45.
        #expect((105...195).contains(moved.count))
        try split.reweigh(["stable": 95, "canary": 5])
        #expect(try await branches() == before)
        try split.reweigh(["canary": 0])
        #expect(try await branches().allSatisfy { $0 == "stable" })
    }

    @Test("clients are told apart by their address or a field, and the others are drawn")
    func names() async throws {
        let byAddress = TestClient(split(["a": 1, "b": 1]) { $0.stickiness = .by(.clientAddress) })
        #expect(try await counts(byAddress, 30).count == 1)
        let byAgent = TestClient(split(["a": 1, "b": 1]) { $0.stickiness = .by(.header(.userAgent)) })
        #expect(try await counts(byAgent, 30) { _ in [.userAgent: "x"] }.count == 1)
        #expect(try await counts(byAgent, 30).count == 2)
        #expect(try await counts(byAgent, 40) { [.userAgent: "\($0)"] }.count == 2)
    }

    // MARK: Selectors

    private static let canary = HTTPField.Name("X-Canary")!

    @Test(
        "a request that asks for a branch has it, by the first selector that applies",
        arguments: [
            (["X-Canary": "always"], "canary"),
            (["X-Canary": "never"], "stable"),
            (["X-Canary": "maybe"], "stable"),
            (["X-Canary": "canary"], "stable"),
            (["Cookie": "x=1; branch=canary"], "canary"),
            (["Cookie": "branch=unknown"], "stable"),
            (["X-Canary": "never", "Cookie": "branch=canary"], "stable"),
            ([:], "stable"),
        ] as [([String: String], String)]
    )
    func selectors(fields: [String: String], branch: String) async throws {
        let split = split(["stable": 1, "canary": 0]) {
            $0.selectors = [
                .header(Self.canary, ["always": "canary", "never": "stable"]), .cookie("branch"),
            ]
        }
        var headers = Headers()
        for (name, value) in fields { headers[HTTPField.Name(name)!] = value }
        let answer = try await TestClient(split).get("/", headers: headers)
        #expect(answer.body == branch)
        #expect(answer.headers[.cookie] == fields["Cookie"])
    }

    // MARK: Composition

    @Test(
        "what cannot be divided is a problem of the composition",
        arguments: [
            ([], "has no branches"),
            ([branch("a", 0), branch("b", 0)], "has no branch with any weight"),
            ([branch("a", 1), branch("b", -1)], #"has the branch "b" weigh -1.0"#),
            ([branch("a", 1), branch("b", .nan)], #"has the branch "b" weigh nan"#),
            ([branch("a", 1), branch("a", 1)], #"has two branches "a""#),
            ([branch("", 1)], "has a branch without a name"),
        ] as [([TrafficSplit.Branch], String)]
    )
    func problems(branches: [TrafficSplit.Branch], problem: String) {
        #expect(TrafficSplit(branches).blueprint.validate().map(\.problem) == [problem])
    }

    @Test("selectors name branches that there are, and cookies are checked")
    func configurationProblems() {
        let split = split(["a": 1]) {
            $0.selectors = [.header(Self.canary, ["x": "b", "y": "a"])]
            $0.stickiness = .cookie("a b")
        }
        let problems = split.blueprint.validate().map(\.problem)
        #expect(problems == [#"names a cookie "a b""#, #"selects the branch "b", which there is not"#])
    }

    @Test("branches are printed, checked and found by a preview")
    func blueprint() throws {
        let split = TrafficSplit([
            TrafficSplit.Branch("stable", weight: 1) {
                RequestID()
                Named(name: "stable")
            },
            Self.branch("canary", 0),
        ])
        #expect("\(split.blueprint)" == "TrafficSplit\n├ stable\n│   RequestID\n│   Named\n├ canary\n│   Named")
        func preview(_ split: TrafficSplit, _ request: Request = Request()) throws -> String {
            let preview = try #require(split.blueprint.preview)
            return "\(preview(request))"
        }
        #expect(try preview(split) == "takes(0)")
        try split.reweigh(["canary": 1])
        #expect(try preview(split) == "unknown")
        var request = Request()
        request.headers[Self.canary] = "b"
        let selecting = self.split(["a": 1, "b": 1]) { $0.selectors = [.header(Self.canary)] }
        #expect(try preview(selecting, request) == "takes(1)")
        let byAddress = self.split(["a": 1]) { $0.stickiness = .by(.clientAddress) }
        #expect(byAddress.blueprint.placement.follows == ["client address"])
    }

    @Test("what a branch throws is answered, with the cookie")
    func throwing() async throws {
        struct Failing: Handler {
            func handle(_ request: consuming Request, context: RequestContext) async throws -> Response {
                throw HTTPError(.badGateway)
            }
        }
        var configuration = TrafficSplit.Configuration()
        configuration.stickiness = .cookie("split")
        let split = TrafficSplit([TrafficSplit.Branch("a", weight: 1, Failing())], configuration)
        let answer = try await TestClient(split).get("/")
        #expect(answer.status == .badGateway)
        #expect(answer.headers[.setCookie] != nil)
        #expect(answer.headers[values: .cacheControl] == ["no-store"])
    }

    @Test("it keeps the rules of handlers")
    func conformance() async {
        let split = split(["a": 1, "b": 1]) { $0.stickiness = .cookie("split") }
        #expect(await HandlerConformance(TestClient(split)).check() == [])
    }
}
