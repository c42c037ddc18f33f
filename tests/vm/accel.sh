#!/bin/sh
echo tcg
