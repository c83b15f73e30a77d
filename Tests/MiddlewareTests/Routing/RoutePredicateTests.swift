import HTTPTypes
import Middleware
import NIOCore
import Testing

@Suite("RoutePredicate")
struct RoutePredicateTests {
    /// A predicate by what it says of the sample requests.
    struct Sample: Sendable, CustomTestStringConvertible {
        let predicate: RoutePredicate
        let target: String
        let headers: Headers
        let holds: Bool
        var testDescription: String { "\(predicate) of \(target) \(headers) is \(holds)" }

        init(_ predicate: RoutePredicate, _ target: String, _ holds: Bool) {
            self.init(predicate, target, [:], holds)
        }

        init(_ predicate: RoutePredicate, _ target: String, _ headers: Headers, _ holds: Bool) {
            self.predicate = predicate
            self.target = target
            self.headers = headers
            self.holds = holds
        }
    }

    private static let fields: [Sample] = [
        Sample(.always, "/", true),
        Sample(.header(.tenant), "/", [.tenant: ""], true),
        Sample(.header(.tenant), "/", false),
        Sample(.header(.tenant, "a"), "/", [.init("X-TENANT")!: "a"], true),
        Sample(.header(.tenant, "a"), "/", [.tenant: "A"], false),
        Sample(.header(.tenant, "a"), "/", [.tenant: "a", .beta: "b"], true),
        Sample(.header(.tenant, "a"), "/", [.tenant: "a", .tenant: "a"], false),
        Sample(.header(.tenant, "a"), "/", [.tenant: "a", .tenant: "b"], false),
    ]

    private static let queries: [Sample] = [
        Sample(.query("q"), "/?q", true),
        Sample(.query("q"), "/?p=1&q=", true),
        Sample(.query("q"), "/?qq=1&Q=1", false),
        Sample(.query("q"), "/q", false),
        Sample(.query("q", ""), "/?q", true),
        Sample(.query("q", "1"), "/?q=1", true),
        Sample(.query("q", "1"), "/?%71=%31", true),
        Sample(.query("q", "a b&"), "/?q=a%20b%26", true),
        Sample(.query("q", "a b"), "/?q=a+b", false),
        Sample(.query("q", "1"), "/?q=1&q=1", false),
        Sample(.query("q", "1"), "/?q=1&q=2", false),
        Sample(.query("q", "1=2"), "/?q=1=2", true),
        Sample(.query("q", "%zz"), "/?q=%zz", true),
        Sample(.query("q", "1"), "/?q=11", false),
        Sample(.query("q", "11"), "/?q=1", false),
        Sample(.query("q"), "/?&&&q&&", true),
    ]

    private static let cookies: [Sample] = [
        Sample(.cookie("c"), "/", [.cookie: "b=1; c=2"], true),
        Sample(.cookie("c"), "/", [.cookie: "b=c"], false),
        Sample(.cookie("c"), "/", [.cookie: "cc=1", .cookie: "c=1"], true),
        Sample(.cookie("c", "2"), "/", [.cookie: "b=1;c=2 ; d=3"], true),
        Sample(.cookie("c", "2"), "/", [.cookie: "c=2; c=3"], false),
        Sample(.cookie("c", "%32"), "/", [.cookie: "c=%32"], true),
        Sample(.cookie("c", "2"), "/", [.cookie: "c=\"2\""], false),
    ]

    private static let combinations: [Sample] = [
        Sample(!.header(.tenant), "/", true),
        Sample(.header(.tenant) && .query("q"), "/?q", [.tenant: "a"], true),
        Sample(.header(.tenant) && .query("q"), "/?q", false),
        Sample(.header(.tenant) || .query("q"), "/?q", true),
        Sample(!(.header(.tenant) || .query("q")), "/", true),
    ]

    @Test("predicates of fields, queries and cookies", arguments: fields + queries + cookies + combinations)
    func holding(sample: Sample) {
        let parts = sample.target.split(separator: "?", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
        let target = RequestTarget(parts[0], query: parts.count > 1 ? parts[1] : nil)
        let holds = sample.predicate.term.holds(target: target, headers: sample.headers, client: nil)
        #expect(holds == sample.holds)
    }

    @Test("a predicate on the client's network takes the address that is known best")
    func client() throws {
        let predicate = RoutePredicate.client(in: ["10.0.0.0/8", "2001:db8::/32"])
        func holds(_ address: String) throws -> Bool {
            let client = try SocketAddress(ipAddress: address, port: 1)
            return predicate.term.holds(target: RequestTarget("/"), headers: [:], client: client)
        }
        #expect(try holds("10.1.2.3"))
        #expect(try holds("::ffff:10.1.2.3"))
        #expect(try holds("2001:db8::1"))
        #expect(try !holds("11.0.0.1"))
        #expect(!predicate.term.holds(target: RequestTarget("/"), headers: [:], client: nil))
    }

    @Test("what must hold at least is counted")
    func weights() {
        let one = RoutePredicate.header(.tenant)
        let two = one && .query("q", "1")
        #expect(RoutePredicate.always.term.weight == 0)
        #expect(one.term.weight == 1)
        #expect(two.term.weight == 2)
        #expect((two && two).term.weight == 4)
        #expect((one || two).term.weight == 1)
        #expect((!two).term.weight == 1)
        #expect(RoutePredicate.client(in: ["10.0.0.0/8", "11.0.0.0/8"]).term.weight == 1)
    }

    @Test("predicates that cannot hold together are known as such, as far as they are simple")
    func exclusion() {
        let a = RoutePredicate.header(.tenant, "a")
        let b = RoutePredicate.header(.tenant, "b")
        let any = RoutePredicate.header(.tenant)
        let inside = RoutePredicate.client(in: ["10.0.0.0/8"])
        func excludes(_ left: RoutePredicate, _ right: RoutePredicate) -> Bool {
            let both = left.term.excludes(right.term)
            #expect(both == right.term.excludes(left.term))
            return both
        }
        #expect(excludes(a, b))
        #expect(excludes(a, !a))
        #expect(excludes(a, !any))
        #expect(excludes(a && .query("q"), b && .query("p")))
        #expect(excludes(a || b, !any))
        #expect(excludes(!(a || b), a))
        #expect(excludes(inside, !inside))
        #expect(excludes(inside, .client(in: ["11.0.0.0/8", "192.0.2.0/24"])))
        #expect(!excludes(a, a))
        #expect(!excludes(a, any))
        #expect(!excludes(!a, !b))
        #expect(!excludes(!a, !any))
        #expect(!excludes(a, .header(.beta, "b")))
        #expect(!excludes(.query("x", "1"), .cookie("x", "2")))
        #expect(!excludes(a || b, b))
        #expect(!excludes(inside, .client(in: ["10.1.0.0/16"])))
        #expect(!excludes(!(a && b), a))
    }

    @Test("a predicate says what it asks for")
    func printed() {
        let predicate: RoutePredicate =
            (.header(.beta) || .cookie("beta", "1")) && !.client(in: ["10.0.0.0/8", "192.0.2.7"])
        let text = "(header x-beta or cookie beta = 1) and not client in 10.0.0.0/8, 192.0.2.7"
        #expect("\(predicate)" == text)
        let neither: RoutePredicate = !(.query("a") && .query("b", "1"))
        #expect("\(neither)" == "not (query a and query b = 1)")
    }
}
