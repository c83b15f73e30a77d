import Middleware
import MiddlewareTesting
import Testing

@Suite("BalancingPolicyConformance")
struct BalancingPolicyConformanceTests {
    /// The faults that are planted, each with the rules that must find it.
    enum Fault: CaseIterable, CustomTestStringConvertible {
        case first, outOfRange, ownChance, ignoresWeights, starving, grudging, stubborn, byPosition, forgetful, unsound

        var testDescription: String { "\(self)" }

        var rules: Set<BalancingPolicyConformance.Rule> {
            switch self {
            case .first: [.sharesByWeight, .burstsFairly, .starvesNobody, .forgives, .looksFurther]
            case .outOfRange: [.staysInRange]
            case .ownChance: [.repeatsItself]
            case .ignoresWeights: [.sharesByWeight]
            case .starving: [.starvesNobody]
            case .grudging: [.forgives]
            case .stubborn: [.looksFurther]
            case .byPosition: [.movesFewKeys, .ignoresOrder]
            case .forgetful: [.keepsKeys, .movesFewKeys, .ignoresOrder]
            case .unsound: [.isSound]
            }
        }
    }

    struct Faulty: BalancingPolicy {
        let fault: Fault

        var key: BalancingKey? { fault == .byPosition || fault == .forgetful ? .path : nil }

        func check(_ blueprint: inout Blueprint) {
            blueprint.require(fault != .unsound, "is unsound", mend: "mend it")
        }

        func balancer(among candidates: [BalancingCandidate]) -> any Balancer {
            Choices(fault: fault, candidates: candidates, weighted: WeightedRandom().balancer(among: candidates))
        }
    }

    struct Choices: Balancer {
        /// Chance that is not the choice's own.
        private static let shared = SeededRandomness(seed: 11)

        let fault: Fault
        let candidates: [BalancingCandidate]
        let weighted: any Balancer

        func choose(_ choice: inout BalancingChoice) -> Int {
            switch fault {
            case .first: return 0
            case .outOfRange: return choice.hash == .max ? candidates.count : weighted.choose(&choice)
            case .ownChance: return Int(Self.shared.next() % UInt64(candidates.count))
            case .ignoresWeights: return choice.random.below(candidates.count)
            case .starving:
                let index = weighted.choose(&choice)
                return index == 2 && candidates.count == 5 ? 0 : index
            case .grudging:
                let times = candidates.map { $0.state.responseTime.value(at: .min) }
                let index = weighted.choose(&choice)
                return times[index] >= 1e9 ? (index + 1) % candidates.count : index
            case .stubborn: return choice.attempt > 0 ? 0 : weighted.choose(&choice)
            case .byPosition: return Int(choice.hash % UInt64(candidates.count))
            case .forgetful, .unsound: return weighted.choose(&choice)
            }
        }
    }

    @Test("each fault is found by the rules that it breaks", arguments: Fault.allCases)
    func faults(fault: Fault) {
        let found = Set(violations(Faulty(fault: fault)).map(\.rule))
        #expect(fault.rules.isSubset(of: Set(found.compactMap(BalancingPolicyConformance.Rule.init))), "\(found)")
    }

    @Test("rules that do not apply are left out")
    func exceptions() {
        let conformance = BalancingPolicyConformance(
            Faulty(fault: .unsound), seeds: 60, except: [.isSound, .burstsFairly, .forgives])
        #expect(conformance.check() == [])
    }

    @Test("an explanation says what was seen")
    func explanation() {
        let violation = violations(Faulty(fault: .outOfRange)).first
        #expect(violation?.description.contains("1 was chosen of 1, for the hash 18446744073709551615") == true)
    }

    private func violations(_ policy: Faulty) -> [ConformanceViolation] {
        var bounds = BalancingPolicyConformance.Bounds()
        bounds.burst = 14
        return BalancingPolicyConformance(policy, within: bounds, seeds: 300).check()
    }
}
