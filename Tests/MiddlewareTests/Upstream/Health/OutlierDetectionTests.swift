import Middleware
import Testing

@Suite("OutlierDetection")
struct OutlierDetectionTests {
    private static let good = Evidence.answered(status: 200, nanoseconds: 1_000_000)

    @Test(
        "so many failures in a row put an endpoint out, and what they are",
        arguments: [
            (.notConnected, true), (.brokeOff, true), (.timedOut, true), (.malformed, true),
            (.answered(status: 502, nanoseconds: 1), true), (.answered(status: 503, nanoseconds: 1), true),
            (.answered(status: 504, nanoseconds: 1), true), (.answered(status: 500, nanoseconds: 1), false),
            (.answered(status: 501, nanoseconds: 1), false), (.answered(status: 429, nanoseconds: 1), false),
            (.answered(status: 404, nanoseconds: 1), false), (.answered(status: 200, nanoseconds: 1), false),
            (.connected(nanoseconds: 1), false),
        ] as [(Evidence, Bool)])
    func consecutive(evidence: Evidence, ejects: Bool) {
        let stand = OutlierStand(3, .ejecting(afterConsecutiveFailures: 3))
        let verdicts = (0..<3).map { _ in stand.record(evidence, of: 0) }
        #expect(verdicts[0] == nil && verdicts[1] == nil)
        #expect(verdicts[2] == (ejects ? .ejected(nanoseconds: .seconds(10)) : nil))
        #expect(stand.ejected == (ejects ? [0] : []))
    }

    @Test("the reason names the last failure")
    func reason() {
        let stand = OutlierStand(2, .ejecting(afterConsecutiveFailures: 1))
        let verdict = stand.detection.record(.timedOut, of: stand.records[1], at: 0, random: 0)
        #expect(verdict?.reason == "failures in a row: 1, the last: timed out")
        #expect(verdict?.record === stand.records[1])
    }

    @Test("any proper answer ends a row of failures", arguments: [200, 404, 500])
    func rowEnds(status: Int) {
        let stand = OutlierStand(3, .ejecting(afterConsecutiveFailures: 2))
        for _ in 0..<10 {
            #expect(stand.record(.brokeOff, of: 0) == nil)
            #expect(stand.record(.answered(status: status, nanoseconds: 1), of: 0) == nil)
        }
    }

    @Test("an endpoint returns when its time is over, and stays out longer each time")
    func returns() {
        let stand = OutlierStand(3, .ejecting(afterConsecutiveFailures: 1))
        for length in [10.0, 20, 40] {
            #expect(stand.record(.notConnected, of: 0) == .ejected(nanoseconds: .seconds(length)))
            stand.now += .seconds(length) - 1
            #expect(stand.sweep().isEmpty && stand.ejected == [0])
            stand.now += 1
            #expect(stand.sweep() == ["0 returned"] && stand.ejected == [])
        }
    }

    @Test("what comes late of an endpoint that is out lengthens nothing")
    func lateEvidence() {
        let stand = OutlierStand(3, .ejecting(afterConsecutiveFailures: 2))
        _ = stand.record(.notConnected, of: 0)
        #expect(stand.record(.notConnected, of: 0) != nil)
        for _ in 0..<10 { #expect(stand.record(.notConnected, of: 0) == nil) }
        stand.now += .seconds(10)
        #expect(stand.sweep() == ["0 returned"])
        #expect(stand.record(.notConnected, of: 0) == nil)
    }

    @Test(
        "half of the requests failing puts an endpoint out, once there are enough", arguments: [(9, false), (10, true)])
    func failureRate(pairs: Int, ejects: Bool) {
        let stand = OutlierStand(3)
        for _ in 0..<pairs {
            _ = stand.record(.timedOut, of: 1)
            _ = stand.record(Self.good, of: 1)
        }
        #expect(stand.sweep() == (ejects ? ["1 ejected"] : []))
    }

    @Test("what lies further back than the window counts no more")
    func window() {
        let stand = OutlierStand(3)
        for _ in 0..<15 {
            _ = stand.record(.timedOut, of: 1)
            _ = stand.record(Self.good, of: 1)
            _ = stand.record(Self.good, of: 1)
        }
        #expect(stand.sweep().isEmpty)
        for _ in 0..<12 {
            stand.now += .seconds(1)
            #expect(stand.sweep().isEmpty)
        }
        // With what is forgotten it would be 25 of 55.
        for _ in 0..<10 {
            _ = stand.record(.timedOut, of: 1)
            _ = stand.record(Self.good, of: 1)
        }
        #expect(stand.sweep() == ["1 ejected"])
    }

    @Test("an endpoint of three that answers 500 to a third is put out; when all do, none is")
    func thirdOfErrors() {
        for isCommon in [false, true] {
            let stand = OutlierStand(3)
            for number in 0..<90 {
                for index in 0..<3 {
                    let isError = number % 3 == 0 && (isCommon || index == 2)
                    _ = stand.record(.answered(status: isError ? 500 : 200, nanoseconds: 1), of: index)
                }
            }
            #expect(stand.sweep() == (isCommon ? [] : ["2 ejected"]))
        }
    }

    @Test("a slow endpoint is put out where response times are compared")
    func slow() {
        for compares in [true, false] {
            var health = PassiveHealth()
            if compares { health.responseTime = PassiveHealth.Outliers(margin: 1) }
            let stand = OutlierStand(4, health)
            for _ in 0..<60 {
                for index in 0..<4 {
                    let time = Int64.milliseconds(index == 3 ? 400 : 20 + Int64(index))
                    _ = stand.record(.answered(status: 200, nanoseconds: time), of: index)
                }
            }
            #expect(stand.sweep() == (compares ? ["3 ejected"] : []))
        }
    }

    @Test(
        "no more than the share are out, rounded up, and never the last",
        arguments: [
            (1, 0.5, 0), (2, 0.5, 1), (3, 0.5, 2), (4, 0.5, 2), (5, 0.5, 3), (10, 0.1, 1), (10, 0, 0), (3, 1, 2),
            (1, 1, 0),
        ] as [(Int, Double, Int)])
    func share(count: Int, share: Double, ejected: Int) {
        var health = PassiveHealth.ejecting(afterConsecutiveFailures: 2)
        health.maximumEjected = share
        let stand = OutlierStand(count, health)
        for _ in 0..<10 { for index in 0..<count { _ = stand.record(.notConnected, of: index) } }
        #expect(stand.ejected.count == ejected)
    }

    @Test("endpoints that are out return when too few others are left")
    func leaving() {
        let stand = OutlierStand(4, .ejecting(afterConsecutiveFailures: 1))
        _ = stand.record(.notConnected, of: 0)
        stand.now += 1
        _ = stand.record(.notConnected, of: 1)
        #expect(stand.detection.leave(stand.records[3], at: stand.now).isEmpty)
        #expect(stand.detection.leave(stand.records[2], at: stand.now).map(\.change) == [.returned])
        #expect(stand.ejected == [1])
        #expect(stand.detection.leave(stand.records[1], at: stand.now).isEmpty)
        #expect(stand.ejected == [])
    }

    @Test("nothing is recorded of whom nobody has let join")
    func stranger() {
        let stand = OutlierStand(3, .ejecting(afterConsecutiveFailures: 1))
        let stranger = EndpointRecord("10.9.9.9:80")
        #expect(stand.detection.record(.notConnected, of: stranger, at: 0, random: 0) == nil)
        #expect(stand.detection.leave(stranger, at: 0).isEmpty)
    }

    @Test("with every detector off nothing happens")
    func off() {
        let stand = OutlierStand(3, .off)
        for _ in 0..<1000 { #expect(stand.record(.notConnected, of: 0) == nil) }
        #expect(stand.sweep().isEmpty)
        #expect(PassiveHealth.off.isOff && !PassiveHealth().isOff)
    }

    @Test("whatever comes, one endpoint remains, and verdicts and flags agree", arguments: 0..<150 as Range<UInt64>)
    func property(seed: UInt64) {
        var random = SplitMix64(seed: seed)
        var health = PassiveHealth.ejecting(afterConsecutiveFailures: 1 + random.below(5))
        health.maximumEjected = random.fraction() * 1.2
        health.responseTime = random.below(2) == 0 ? nil : PassiveHealth.Outliers(margin: 0.5, minimumRequests: 5)
        let stand = OutlierStand(0, health)
        var members: [EndpointRecord] = []
        var out = Set<ObjectIdentifier>()
        func apply(_ verdicts: [HealthVerdict]) {
            for verdict in verdicts {
                switch verdict.change {
                case .ejected(let length):
                    #expect(out.insert(ObjectIdentifier(verdict.record)).inserted && length >= .seconds(10))
                case .returned: #expect(out.remove(ObjectIdentifier(verdict.record)) != nil)
                }
            }
        }
        for step in 0..<400 {
            stand.now += Int64(random.below(300_000_000))
            switch random.below(20) {
            case 0:
                members.append(EndpointRecord(Endpoint("10.0.\(step / 200).\(step % 200):80")))
                stand.detection.join(members[members.count - 1], at: stand.now)
            case 1 where !members.isEmpty:
                let record = members.remove(at: random.below(members.count))
                apply(stand.detection.leave(record, at: stand.now))
                out.remove(ObjectIdentifier(record))
            case 2: apply(stand.detection.sweep(at: stand.now) { random.next() })
            case _ where !members.isEmpty:
                let record = members[random.below(members.count)]
                let evidence: [Evidence] = [
                    .notConnected, .answered(status: 500, nanoseconds: 9), Self.good, .timedOut, .brokeOff,
                ]
                for _ in 0..<random.below(8) {
                    let verdict = stand.detection.record(
                        evidence[random.below(5)], of: record, at: stand.now, random: random.next())
                    if let verdict { apply([verdict]) }
                }
            default: break
            }
            #expect(out == Set(members.filter(\.isEjected).map { ObjectIdentifier($0) }))
            #expect(members.isEmpty || out.count < members.count)
            #expect(Double(out.count) <= (Double(members.count) * min(1, health.maximumEjected)).rounded(.up))
        }
        // Everybody returns.
        stand.now += .seconds(1000)
        apply(stand.detection.sweep(at: stand.now) { 0 })
        stand.now += .seconds(1000)
        apply(stand.detection.sweep(at: stand.now) { 0 })
        #expect(members.allSatisfy { !$0.isEjected })
    }

    @Test("many threads put an endpoint out once")
    func threads() async {
        let stand = OutlierStand(3, .ejecting(afterConsecutiveFailures: 100))
        let detection = stand.detection
        let record = stand.records[0]
        let verdicts = await withTaskGroup(of: Int.self) { group in
            for _ in 0..<8 {
                group.addTask {
                    (0..<1000).filter { _ in detection.record(.brokeOff, of: record, at: 5, random: 0) != nil }.count
                }
            }
            return await group.reduce(0, +)
        }
        #expect(verdicts == 1)
    }
}

/// A detection over endpoints with numbers, without jitter.
private final class OutlierStand {
    let detection: OutlierDetection
    let records: [EndpointRecord]
    var now: Int64 = 1

    init(_ count: Int, _ health: PassiveHealth = PassiveHealth()) {
        var health = health
        health.jitter = 0
        detection = OutlierDetection(health)
        records = (0..<count).map { EndpointRecord(Endpoint("10.0.0.\($0):80")) }
        for record in records { detection.join(record, at: now) }
    }

    var ejected: [Int] { records.indices.filter { records[$0].isEjected } }

    func record(_ evidence: Evidence, of index: Int) -> HealthVerdict.Change? {
        detection.record(evidence, of: records[index], at: now, random: 0)?.change
    }

    func sweep() -> [String] {
        detection.sweep(at: now) { 0 }.map { verdict in
            let index = records.firstIndex { $0 === verdict.record } ?? -1
            return "\(index) \(verdict.change == .returned ? "returned" : "ejected")"
        }
    }
}
