# SPDX-License-Identifier: Apache-2.0
# Libraries and flags of everything that is compiled with the headers of userspace and
# linked with its archives: the programs, and their tests.
#
# The including Makefile sets top, and PKGS if it needs more libraries.
# Variables: WERROR=1.

PKGS += libnl-genl-3.0 libnl-3.0 libcbor openssl jansson libseccomp libcap-ng libdeflate zlib \
	libarchive
LIBS := $(shell pkg-config --libs $(PKGS)) -pthread

SANITIZERS := -fsanitize=address,undefined -fno-sanitize-recover=undefined \
	-fno-omit-frame-pointer
COMMON_CFLAGS := -std=gnu11 -Wall -Wextra -Wshadow -Wvla -Wformat=2 -Wundef \
	-Wstrict-prototypes -Wno-unused-parameter $(if $(WERROR),-Werror) \
	-fno-strict-aliasing -D_GNU_SOURCE -DNE_EMU_VERSION='"$(shell cat $(top)/VERSION)"' \
	-I$(top)/userspace -I$(top)/include/uapi $(shell pkg-config --cflags $(PKGS))

# $(call wrap,FUNCTIONS) - the program defines its own, named __wrap_FUNCTION
comma := ,
wrap = $(addprefix -Wl$(comma)--wrap=,$(1))
# The archives depend on each other.
group = -Wl,--start-group $(1) -Wl,--end-group
