import HTTPTypes
import Middleware
import ServiceLifecycle
import Testing

@Suite("Blueprint")
struct BlueprintTests {
    private func chain(_ parts: Blueprint...) -> Blueprint {
        parts.dropLast().reversed().reduce(parts[parts.count - 1]) { inner, outer in
            var outer = outer
            outer.children.append(("next", inner))
            return outer
        }
    }

    private let resolver = Blueprint("Resolver", placement: Placement(provides: ["client address"]))
    private let limiter = Blueprint("Limiter", placement: Placement(follows: ["client address"]))
    private let plans = Blueprint("Plans", placement: Placement(requires: ["consumer"]))
    private let keys = Blueprint("Keys", placement: Placement(provides: ["consumer"]))
    private let end = Blueprint("End")

    @Test("what is required must be provided outside")
    func requires() {
        #expect(chain(keys, plans, end).validate().isEmpty)
        for wrong in [chain(plans, end), chain(plans, keys, end)] {
            #expect(
                wrong.validate() == [
                    CompositionProblem(
                        place: "Plans", problem: "needs consumer, which nothing outside it provides",
                        mend: "put what provides it outside")
                ])
        }
        let selfish = Blueprint("Selfish", placement: Placement(provides: ["a"], requires: ["a"]))
        #expect(selfish.validate().count == 1)
    }

    @Test("who follows a fact stands inside whoever provides it, if anyone does")
    func follows() {
        #expect(chain(limiter, end).validate().isEmpty)
        #expect(chain(resolver, limiter, end).validate().isEmpty)
        #expect(
            chain(limiter, resolver, end).validate() == [
                CompositionProblem(
                    place: "Limiter", problem: "stands outside what provides client address", mend: "move it inside")
            ])
    }

    @Test("a fact that is provided beside is not provided")
    func siblings() {
        var router = Blueprint("Router")
        router.children = [("/a", chain(keys, end)), ("/b", chain(plans, end))]
        #expect(router.validate().map(\.place) == ["Router [/b] › Plans"])
        let all = chain(keys, router)
        #expect(all.validate().isEmpty)
    }

    @Test("all problems come together, each with its place, what is wrong and what mends it")
    func allTogether() {
        var bad = Blueprint("Bad", placement: Placement(requires: ["consumer", "a"], follows: ["client address"]))
        bad.require(1 > 2, "has a limit of -1", mend: "give a limit above zero")
        bad.require(1 < 2, "never said", mend: "never said")
        var router = Blueprint("Router")
        router.children = [("/a", chain(bad, resolver, end)), ("/b", bad)]
        let problems = chain(plans, router).validate()
        #expect(
            problems.map(\.description) == [
                "Plans needs consumer, which nothing outside it provides: put what provides it outside",
                "Router [/a] › Bad has a limit of -1: give a limit above zero",
                "Router [/a] › Bad needs a, which nothing outside it provides: put what provides it outside",
                "Router [/a] › Bad needs consumer, which nothing outside it provides: put what provides it outside",
                "Router [/a] › Bad stands outside what provides client address: move it inside",
                "Router [/b] › Bad has a limit of -1: give a limit above zero",
                "Router [/b] › Bad needs a, which nothing outside it provides: put what provides it outside",
                "Router [/b] › Bad needs consumer, which nothing outside it provides: put what provides it outside",
                "Router [/b] › Bad stands outside what provides client address: move it inside",
            ])
        #expect(CompositionError(problems).description.split(separator: "\n").count == problems.count)
    }

    @Test("a service is run once, however often it appears; structures have no identity")
    func services() {
        final class Probe: Service { func run() async {} }
        struct Refresh: Service { func run() async {} }
        let (probe, other) = (Probe(), Probe())
        var part = Blueprint("Part")
        part.services = [probe, Refresh()]
        var root = Blueprint("Root")
        root.services = [other, probe]
        root.children = [("one", part), ("two", part)]
        let all = root.allServices
        #expect(
            all.compactMap { $0 as? Probe }.map(ObjectIdentifier.init) == [other, probe].map(ObjectIdentifier.init))
        #expect(all.filter { $0 is Refresh }.count == 2)
    }

    @Test("a chain prints downwards, branches indented before what follows them")
    func prints() {
        var router = Blueprint("Router")
        router.children = [("/a", chain(keys, end)), ("/b", end)]
        #expect(
            "\(chain(resolver, router))" == """
                Resolver
                Router
                ├ /a
                │   Keys
                │   End
                ├ /b
                │   End
                """)
    }

    @Test("a part is named by its type unless it says more")
    func names() {
        #expect(End().blueprint.name == "End")
        #expect(Head("a").blueprint.name == "Head")
        #expect(HandlerFunction { _, _ in Response(.ok) }.blueprint.name == "HandlerFunction")
        let pipeline = Pipeline {
            Head("a")
            Awaiting("b")
            End()
        }
        #expect("\(pipeline)" == "Head\nAwaiting\nEnd")
    }

    @Test("a pipeline checks the parts it is made of, fused or not")
    func pipeline() {
        let pipeline = Pipeline {
            Part(limiter)
            Awaiting("a")
            Part(resolver)
            End()
        }
        #expect(pipeline.blueprint.validate().map(\.place) == ["Limiter"])
    }

    private struct Part: HeadMiddleware {
        let blueprint: Blueprint
        init(_ blueprint: Blueprint) { self.blueprint = blueprint }
        func before(_ request: inout Request, context: RequestContext) -> Response? { nil }
    }
}
