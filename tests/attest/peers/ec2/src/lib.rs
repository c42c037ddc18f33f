// SPDX-License-Identifier: Apache-2.0
// Cargo wants one.
