import HTTPTypes
import Middleware
import MiddlewareTesting
import NIOCore
import Testing

@Suite("Sticky sessions")
struct SessionTableTests {
    private static let key = SessionAffinity.Key(String(repeating: "k", count: 32))
    private static let formerKey = SessionAffinity.Key(String(repeating: "f", count: 40))
    private let context = RequestContext(runtime: TestClient(HandlerFunction { _, _ in Response(.ok) }).runtime)
    private let states = ["10.0.0.1:80", "10.0.0.2:80", "10.0.0.3:80"].map { EndpointState(Endpoint($0)) }

    private func table(
        _ affinity: SessionAffinity, _ states: [EndpointState]? = nil, cluster: String = "app",
        replacing previous: SessionTable? = nil
    ) -> SessionTable {
        let candidates = (states ?? self.states).map { BalancingCandidate($0) }
        return SessionTable(affinity, cluster: cluster, candidates, replacing: previous)
    }

    private func cookies(_ whenGone: SessionAffinity.WhenGone = .redistribute) -> SessionAffinity {
        .cookie("node", keys: [Self.key], whenGone: whenGone)
    }

    /// The value of the cookie that an answer from an endpoint sets; `nil` when it sets none.
    private func given(_ table: SessionTable, _ session: Session = Session(), by state: EndpointState) -> String? {
        var response = Response(.ok)
        table.bind(&response, of: session, to: state)
        return response.headers[.setCookie].map { String($0.dropFirst("node=".count).prefix { $0 != ";" }) }
    }

    private func session(_ table: SessionTable, _ cookie: String?) -> Session {
        var request = Request()
        request.headers[.cookie] = cookie
        return table.takeSession(from: &request, context)
    }

    private func place(
        _ table: SessionTable, _ session: Session, isUsable: (EndpointState) -> Bool = { _ in true }
    ) -> String {
        switch table.choice(for: session, isUsable: isUsable) {
        case .endpoint(let state): state.endpoint.text
        case .any: "any"
        case .refused: "refused"
        }
    }

    // MARK: Cookies

    @Test("a cookie brings a request back to the endpoint that answered first, and is set once")
    func roundTrip() throws {
        let table = table(cookies())
        #expect(place(table, session(table, nil)) == "any")
        for state in states {
            let value = try #require(given(table, by: state))
            let session = session(table, "a=1; node=\(value); b=2")
            #expect(place(table, session) == state.endpoint.text)
            #expect(given(table, session, by: state) == nil)
        }
        #expect(Set(states.map { given(table, by: $0) }).count == states.count)
    }

    @Test("a cookie says nothing of the endpoint, and nothing that another key or cluster would say")
    func opaque() throws {
        let values = try [
            table(cookies()), table(cookies(), cluster: "other"),
            table(.cookie("node", keys: [Self.formerKey])),
        ].map { try #require(given($0, by: states[0])) }
        #expect(Set(values).count == values.count)
        for value in values {
            #expect(value.utf8.count == 22)
            #expect(value.wholeMatch(of: /[A-Za-z0-9_-]+/) != nil)
        }
        // HMAC-SHA-256 as another implementation computes it, over "middleware session 1", the length of "app" in eight
        // bytes, "app" and "10.0.0.1:80".
        #expect(values[0] == "YUCA854jl9Iyb-aumHZueQ")
    }

    @Test("gateways with the same key agree")
    func agreement() {
        let others = states.map { EndpointState($0.endpoint) }
        #expect(given(table(cookies()), by: states[1]) == given(table(cookies(), others), by: others[1]))
    }

    @Test("the cookie does not go on to the endpoint, and the others do")
    func stripping() {
        let table = table(cookies())
        var request = Request()
        request.headers = [.cookie: "a=1; node=whatever; b=2"]
        _ = table.takeSession(from: &request, context)
        #expect(request.headers[values: .cookie] == ["a=1; b=2"])
        request.headers = [.cookie: "node=whatever"]
        _ = table.takeSession(from: &request, context)
        #expect(request.headers.isEmpty)
    }

    @Test("cookies that nobody here has made name no endpoint", arguments: [0, 1, 5, 21, 22, 23, 400])
    func forged(length: Int) {
        let table = table(cookies(.refuse))
        var random = SplitMix64(seed: UInt64(length))
        let letters = Array("AZaz09-_+/=.%\u{e9}".utf8)
        for _ in 0..<200 {
            let text = String(decoding: (0..<length).map { _ in letters[random.below(letters.count)] }, as: UTF8.self)
            let session = session(table, "node=\(text)")
            #expect(session.isNamed)
            #expect(session.home == nil)
        }
    }

    @Test("each endpoint has one spelling: no letter of a cookie can be another")
    func oneSpelling() throws {
        let table = table(cookies())
        let value = Array(try #require(given(table, by: states[0])).utf8)
        for position in value.indices {
            for letter in "ABYZabyz0189-_".utf8 where letter != value[position] {
                var changed = value
                changed[position] = letter
                let text = String(decoding: changed, as: UTF8.self)
                #expect(session(table, "node=\(text)").home == nil, "letter \(position)")
            }
        }
    }

    @Test("of several cookies of the name, the first that is good counts")
    func several() throws {
        let table = table(cookies())
        let value = try #require(given(table, by: states[2]))
        #expect(place(table, session(table, "node=other; node=\(value)")) == "10.0.0.3:80")
    }

    @Test("a former key still brings sessions home, which get a cookie of the key that signs now")
    func rotation() throws {
        let former = table(.cookie("node", keys: [Self.formerKey]))
        let old = try #require(given(former, by: states[1]))
        let table = table(.cookie("node", keys: [Self.key, Self.formerKey]))
        let session = session(table, "node=\(old)")
        #expect(place(table, session) == "10.0.0.2:80")
        let new = try #require(given(table, session, by: states[1]))
        #expect(new != old)
        #expect(new == given(self.table(cookies()), by: states[1]))
        #expect(self.session(self.table(cookies()), "node=\(old)").home == nil)
    }

    @Test("an endpoint that cannot be chosen is replaced, or the request refused", arguments: [true, false])
    func sick(isRefused: Bool) throws {
        let table = table(cookies(isRefused ? .refuse : .redistribute))
        let value = try #require(given(table, by: states[0]))
        let session = session(table, "node=\(value)")
        #expect(place(table, session) { $0 !== states[0] } == (isRefused ? "refused" : "any"))
        if isRefused {
            let answer = table.refusal(of: session)
            #expect(answer.status == .serviceUnavailable)
            #expect(answer.headers[.retryAfter] == "1")
            #expect(answer.headers[.setCookie] == nil, "the endpoint may come back")
        } else {
            #expect(given(table, session, by: states[1]) != nil)
        }
    }

    @Test("a refused session whose endpoint has left begins anew")
    func gone() throws {
        let affinity = cookies(.refuse)
        let before = table(affinity)
        let value = try #require(given(before, by: states[0]))
        let after = table(affinity, Array(states.dropFirst()), replacing: before)
        let session = session(after, "node=\(value)")
        #expect(place(after, session) == "refused")
        let line = "node=; Path=/; Max-Age=0; HttpOnly; SameSite=Lax"
        #expect(after.refusal(of: session).headers[.setCookie] == line)
        #expect(place(after, self.session(after, nil)) == "any")
        #expect(place(after, self.session(after, "node=\(try #require(given(after, by: states[1])))")) == "10.0.0.2:80")
    }

    @Test("the cookie is for TLS alone when the request came over TLS")
    func encrypted() {
        let table = table(cookies())
        var request = Request()
        request.scheme = "https"
        var response = Response(.ok)
        table.bind(&response, of: table.takeSession(from: &request, context), to: states[0])
        #expect(response.headers[.setCookie]?.contains("; Secure") == true)
        #expect(response.headers[.cacheControl] == "private=\"Set-Cookie\"")
    }

    // MARK: Names

    private static let user = HTTPField.Name("X-User")!

    private func named(_ table: SessionTable, _ name: String?) -> Session {
        var request = Request()
        request.headers[Self.user] = name
        return table.takeSession(from: &request, context)
    }

    @Test("a name belongs to one endpoint, in proportion to the weights")
    func proportions() {
        let weighed = zip(states, [1.0, 2.0, 5.0]).map { BalancingCandidate($0, weight: $1) }
        let table = SessionTable(.by(.header(Self.user)), cluster: "app", weighed)
        var counts: [String: Int] = [:]
        for name in 0..<8000 { counts[place(table, named(table, "user \(name)")), default: 0] += 1 }
        // 8,000 draws: four standard deviations are at most 180.
        for (state, expected) in zip(states, [1000, 2000, 5000]) {
            #expect(abs(counts[state.endpoint.text, default: 0] - expected) < 180)
        }
    }

    @Test("an endpoint that leaves moves its own sessions, and one that joins takes its share")
    func disruption() {
        let whole = table(.by(.header(Self.user)))
        let less = table(.by(.header(Self.user)), Array(states.dropLast()))
        var moved = 0
        for name in 0..<3000 {
            let before = place(whole, named(whole, "\(name)"))
            let after = place(less, named(less, "\(name)"))
            if before == "10.0.0.3:80" { moved += 1 } else { #expect(before == after) }
        }
        #expect((900...1100).contains(moved))
    }

    @Test("a session whose endpoint is sick has a second that is as steady, and returns")
    func second() {
        let table = table(.by(.header(Self.user)))
        for name in 0..<50 {
            let session = named(table, "\(name)")
            let first = place(table, session)
            let second = place(table, session) { $0.endpoint.text != first }
            #expect(second != first)
            #expect(place(table, named(table, "\(name)")) { $0.endpoint.text != first } == second)
            #expect(place(table, named(table, "\(name)")) == first)
            #expect(place(table, session) { _ in false } == "any")
        }
        let strict = self.table(.by(.header(Self.user), whenGone: .refuse))
        #expect(place(strict, named(strict, "a")) { _ in false } == "refused")
    }

    @Test("a request without a name goes where the policy says, and nothing is said to the client")
    func unnamed() {
        let table = table(.by(.header(Self.user), whenGone: .refuse))
        #expect(place(table, named(table, nil)) == "any")
        #expect(place(table, named(table, "")) == "any")
        var response = Response(.ok)
        table.bind(&response, of: named(table, "a"), to: states[0])
        #expect(response.headers.isEmpty)
        #expect(table.refusal(of: named(table, "a")).headers[.setCookie] == nil)
    }

    @Test("the text of a closure is a name")
    func text() {
        let table = table(.by(.custom { request, _ in request.path == "/" ? nil : request.path }))
        var (root, page) = (Request(.get, "/"), Request(.get, "/a"))
        #expect(place(table, table.takeSession(from: &root, context)) == "any")
        let first = place(table, table.takeSession(from: &page, context))
        #expect(first == place(table, table.takeSession(from: &page, context)))
        #expect(first != "any")
    }

    @Test("the addresses of one network of 64 bits are one client")
    func addresses() throws {
        let table = table(.by(.clientAddress))
        func place(_ address: String) throws -> String {
            context[ClientAddressKey.self] = try SocketAddress(ipAddress: address, port: 1)
            var request = Request()
            return self.place(table, table.takeSession(from: &request, context))
        }
        for network in 0..<20 {
            let one = try place("2001:db8:0:\(network)::1")
            #expect(try place("2001:db8:0:\(network):ffff::2") == one)
        }
        #expect(Set(try (0..<40).map { try place("192.0.2.\($0)") }).count == 3)
        #expect(try place("192.0.2.1") == place("::ffff:192.0.2.1"))
    }

    // MARK: Problems

    @Test(
        "keys that are missing or short are problems of the composition",
        arguments: [
            ([], ["signs session cookies with no key"]),
            ([key, SessionAffinity.Key("short")], ["signs session cookies with a key of 5 bytes"]),
            ([key, formerKey], []),
        ] as [([SessionAffinity.Key], [String])]
    )
    func problems(keys: [SessionAffinity.Key], problems: [String]) {
        var blueprint = Blueprint("Part")
        SessionAffinity.cookie("node", keys: keys).describe(in: &blueprint)
        #expect(blueprint.problems.map(\.problem) == problems)
    }

    @Test("by client address it follows what resolves it")
    func placement() {
        var blueprint = Blueprint("Part")
        SessionAffinity.by(.clientAddress).describe(in: &blueprint)
        #expect(blueprint.placement.follows == ["client address"])
    }

    @Test("a key is not printed")
    func secret() {
        #expect("\(Self.key)" == "a key of 32 bytes")
        var dumped = ""
        dump(Self.key, to: &dumped)
        #expect(!dumped.contains("107"))
    }

    @Test("every outcome stands at its position and has a text of its own")
    func labels() {
        #expect(SessionOutcome.allCases.enumerated().allSatisfy { $0.element.position == $0.offset })
        #expect(Set(SessionOutcome.allCases.map(\.text)).count == SessionOutcome.allCases.count)
        #expect(SessionMetric.metrics.count == 1)
    }
}
