//! Natural numbers of any size: as much of them as reading a `long double` takes.

/// A natural number, 32 bits a limb, the lowest first, no leading zero limb.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Wide(Vec<u32>);

impl From<u64> for Wide {
    fn from(value: u64) -> Wide {
        Wide(vec![low(value), low(value >> 32)]).trimmed()
    }
}

impl Wide {
    /// The number that these decimal digits write.
    pub(super) fn from_digits(digits: &[u8]) -> Wide {
        let mut wide = Wide(Vec::new());
        for digit in digits {
            wide.multiply_add(10, u32::from(digit - b'0'));
        }
        wide
    }

    /// Ten to this power.
    pub(super) fn power_of_ten(exponent: u32) -> Wide {
        let mut wide = Wide::from(1);
        for _ in 0..exponent {
            wide.multiply_add(10, 0);
        }
        wide
    }

    /// Whether it is 0.
    pub(super) fn is_zero(&self) -> bool {
        self.0.is_empty()
    }

    /// Bits up to the highest that is set.
    pub(super) fn bits(&self) -> i32 {
        let top = self.0.last().map_or(0, |limb| 32 - limb.leading_zeros());
        let limbs = self.0.len().saturating_sub(1);
        i32::try_from(limbs * 32 + top as usize).unwrap_or(i32::MAX)
    }

    /// The product.
    pub(super) fn times(&self, other: &Wide) -> Wide {
        let mut limbs = vec![0_u32; self.0.len() + other.0.len()];
        for (at, left) in self.0.iter().enumerate() {
            let mut carry = 0_u64;
            for (offset, right) in other.0.iter().chain(&[0]).enumerate() {
                let Some(limb) = limbs.get_mut(at + offset) else { break };
                let sum = u64::from(*limb) + u64::from(*left) * u64::from(*right) + carry;
                *limb = low(sum);
                carry = sum >> 32;
            }
        }
        Wide(limbs).trimmed()
    }

    /// `self * 2^shift`.
    pub(super) fn shifted_left(&self, shift: u32) -> Wide {
        let mut limbs = vec![0; shift as usize / 32];
        let mut carry = 0_u64;
        for limb in &self.0 {
            let moved = (u64::from(*limb) << (shift % 32)) | carry;
            limbs.push(low(moved));
            carry = moved >> 32;
        }
        limbs.push(low(carry));
        Wide(limbs).trimmed()
    }

    /// The quotient of `self * 2^shift` and `divisor`, which must have at most 127 bits, and
    /// whether nothing is left over.
    pub(super) fn shifted_quotient(&self, divisor: Wide, shift: i32) -> (u128, bool) {
        let (mut rest, divisor) = if shift >= 0 {
            (self.shifted_left(shift.unsigned_abs()), divisor)
        } else {
            (self.clone(), divisor.shifted_left(shift.unsigned_abs()))
        };
        let mut quotient = 0;
        for bit in (0..128).rev() {
            if rest.bits() < divisor.bits() + bit {
                continue;
            }
            let part = divisor.shifted_left(bit.unsigned_abs());
            if rest.at_least(&part) {
                rest.subtract(&part);
                quotient |= 1 << bit;
            }
        }
        (quotient, rest.is_zero())
    }

    /// Its decimal digits.
    pub(super) fn to_decimal(&self) -> String {
        const GROUP: u64 = 1_000_000_000;
        let mut limbs = self.clone();
        let mut groups = Vec::new();
        while !limbs.is_zero() {
            let mut rest = 0;
            for limb in limbs.0.iter_mut().rev() {
                let value = rest << 32 | u64::from(*limb);
                *limb = low(value / GROUP);
                rest = value % GROUP;
            }
            groups.push(rest);
            limbs = limbs.trimmed();
        }
        let mut text = groups.pop().unwrap_or(0).to_string();
        for group in groups.iter().rev() {
            text.push_str(&format!("{group:09}"));
        }
        text
    }

    fn multiply_add(&mut self, factor: u32, addend: u32) {
        let mut carry = u64::from(addend);
        for limb in &mut self.0 {
            let value = u64::from(*limb) * u64::from(factor) + carry;
            *limb = low(value);
            carry = value >> 32;
        }
        if carry > 0 {
            self.0.push(low(carry));
        }
    }

    fn at_least(&self, other: &Wide) -> bool {
        self.0.len().cmp(&other.0.len()).then_with(|| self.0.iter().rev().cmp(other.0.iter().rev()))
            != std::cmp::Ordering::Less
    }

    /// Takes away a number that is not larger.
    fn subtract(&mut self, other: &Wide) {
        let mut borrow = false;
        for (at, limb) in self.0.iter_mut().enumerate() {
            let (less, first) = limb.overflowing_sub(other.0.get(at).copied().unwrap_or(0));
            let (less, second) = less.overflowing_sub(u32::from(borrow));
            *limb = less;
            borrow = first || second;
        }
        *self = std::mem::replace(self, Wide(Vec::new())).trimmed();
    }

    fn trimmed(mut self) -> Wide {
        while self.0.last() == Some(&0) {
            self.0.pop();
        }
        self
    }
}

#[expect(clippy::cast_possible_truncation, reason = "the low half is what is wanted")]
fn low(value: u64) -> u32 {
    value as u32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decimals_survive_the_way_there_and_back() {
        for digits in ["0", "7", "4294967296", "123456789012345678901234567890"] {
            assert_eq!(Wide::from_digits(digits.as_bytes()).to_decimal(), digits);
        }
        let square = Wide::power_of_ten(30).times(&Wide::power_of_ten(30));
        assert_eq!(square, Wide::power_of_ten(60));
    }

    #[test]
    fn a_quotient_says_whether_it_is_exact() {
        assert_eq!(Wide::from(100).shifted_quotient(Wide::from(25), 0), (4, true));
        assert_eq!(Wide::from(1).shifted_quotient(Wide::from(3), 4), (5, false));
        assert_eq!(Wide::from(1 << 40).shifted_quotient(Wide::from(1), -38), (4, true));
    }
}
